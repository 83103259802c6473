"""The block: one question and its response, independent of every other block behind the same image."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from transformers import PreTrainedTokenizerFast

from umind.tokens.tokenizer import encode_response, encode_texts
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


def encode_blocks(
    tokenizer: PreTrainedTokenizerFast, blocks: Sequence[Block], ids: TokenIds = OWN_IDS
) -> Iterator[tuple[list[int], int]]:
    """Ids of ``<query> words <answer> response <end>`` of each block, and the index where its response begins.

    A query of more than ``MAX_QUERY_TOKENS`` tokens is cut, with a warning.
    """
    queries = encode_texts(tokenizer, [block.query for block in blocks])
    for block, words in zip(blocks, queries, strict=True):
        if len(words) > MAX_QUERY_TOKENS:
            warnings.warn(f"a query of {len(words)} tokens was cut to {MAX_QUERY_TOKENS}", UserWarning, stacklevel=2)
        opening = [ids.query, *words[:MAX_QUERY_TOKENS], *ids.answer]
        closing = [] if block.response is None else [*encode_response(tokenizer, block.response, ids), ids.end]
        yield opening + closing, len(opening)
