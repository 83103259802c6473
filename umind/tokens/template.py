"""The block: one question and its response, independent of every other block behind the same images."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from transformers import PreTrainedTokenizerFast

from umind.tokens.tokenizer import encode_response, encode_texts
from umind.tokens.vocabulary import OWN_IDS, TokenIds

MAX_QUERY_TOKENS = 96
History = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Block:
    """One question to the image, perhaps the last of several turns.

    Args:
        query: Words of the question; task tokens in it are plain letters.
        response: What stands after the question, with task tokens; None leaves the block open, to be generated.
        history: Earlier questions with their answers, which stand before it; task tokens in them are plain letters.
    """

    query: str
    response: str | None = None
    history: History = ()


def encode_blocks(
    tokenizer: PreTrainedTokenizerFast, blocks: Sequence[Block], ids: TokenIds = OWN_IDS
) -> Iterator[tuple[list[int], int]]:
    """Ids of ``<query> words <answer> response <end>`` of each block, and the index where its response begins.

    Between ``<query>`` and the words stand the earlier turns, each as ``words <answer> words <end>``. A query of more than
    ``MAX_QUERY_TOKENS`` tokens is cut, with a warning; an earlier answer is not.
    """
    texts = [[*chain.from_iterable(block.history), block.query] for block in blocks]
    encoded = iter(encode_texts(tokenizer, [*chain.from_iterable(texts)]))
    for block, parts in zip(blocks, texts, strict=True):
        *earlier, query = islice(encoded, len(parts))
        opening = [ids.query]
        for asked, said in zip(earlier[::2], earlier[1::2], strict=True):
            opening += [*cut(asked), *ids.answer, *said, ids.end, *ids.turn]
        opening += [*cut(query), *ids.answer]
        closing = [] if block.response is None else [*encode_response(tokenizer, block.response, ids), ids.end]
        yield opening + closing, len(opening)


def cut(words: list[int]) -> list[int]:
    """A query's ids, no more than ``MAX_QUERY_TOKENS`` of them."""
    if len(words) > MAX_QUERY_TOKENS:
        warnings.warn(f"a query of {len(words)} tokens was cut to {MAX_QUERY_TOKENS}", UserWarning, stacklevel=3)
    return words[:MAX_QUERY_TOKENS]
