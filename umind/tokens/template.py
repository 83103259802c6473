"""The block: one question and its response, independent of every other block behind the same image."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

from transformers import PreTrainedTokenizerFast

from umind.tokens.tokenizer import encode_response, encode_text
from umind.tokens.vocabulary import OWN_IDS, TokenIds

MAX_QUERY_TOKENS = 96


@dataclass(frozen=True)
class Block:
    """One question to the image.

    Args:
        query: Words of the question; task tokens in it are plain letters.
        response: What stands after the question, with task tokens; None leaves the block open, to be generated.
    """

    query: str
    response: str | None = None


def encode_block(tokenizer: PreTrainedTokenizerFast, block: Block, ids: TokenIds = OWN_IDS) -> tuple[list[int], int]:
    """Ids of ``<query> words <answer> response <end>`` and the index where the response begins.

    A query of more than ``MAX_QUERY_TOKENS`` tokens is cut, with a warning.
    """
    words = encode_text(tokenizer, block.query)
    if len(words) > MAX_QUERY_TOKENS:
        warnings.warn(f"a query of {len(words)} tokens was cut to {MAX_QUERY_TOKENS}", UserWarning, stacklevel=2)
        words = words[:MAX_QUERY_TOKENS]
    opening = [ids.query, *words, *ids.answer]
    if block.response is None:
        return opening, len(opening)
    return [*opening, *encode_response(tokenizer, block.response, ids), ids.end], len(opening)
