import warnings

import pytest

from umind.tokens.template import MAX_QUERY_TOKENS, Block, encode_blocks
from umind.tokens.tokenizer import encode_text, train_tokenizer
from umind.tokens.vocabulary import ANSWER, END, QUERY, SPECIAL_TOKENS

TOKENIZER = train_tokenizer(["segment the cyst"], 300)
QUERY_ID, ANSWER_ID, END_ID, SEG_ID = (SPECIAL_TOKENS.index(token) for token in (QUERY, ANSWER, END, "[SEG]"))


def test_closed_block() -> None:
    words = encode_text(TOKENIZER, "segment cyst")
    ((ids, begin),) = encode_blocks(TOKENIZER, [Block("segment cyst", "[SEG]")])
    assert ids == [QUERY_ID, *words, ANSWER_ID, SEG_ID, END_ID]
    assert ids[begin:] == [SEG_ID, END_ID]


def test_open_block_ends_with_the_answer_token() -> None:
    ((ids, begin),) = encode_blocks(TOKENIZER, [Block("segment cyst")])
    assert ids[-1] == ANSWER_ID
    assert begin == len(ids)


def test_task_token_in_a_query_is_plain() -> None:
    ((ids, _),) = encode_blocks(TOKENIZER, [Block("what is [SEG] <query>")])
    assert SEG_ID not in ids
    assert ids.count(QUERY_ID) == 1


def test_long_query_is_cut_with_a_warning() -> None:
    with pytest.warns(UserWarning, match=f"cut to {MAX_QUERY_TOKENS}"):
        ((ids, begin),) = encode_blocks(TOKENIZER, [Block("zq " * 200, "[SEG]")])
    assert begin == MAX_QUERY_TOKENS + 2
    assert ids[begin:] == [SEG_ID, END_ID]


def test_longest_query_is_whole() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ((_, begin),) = encode_blocks(TOKENIZER, [Block("q" * (MAX_QUERY_TOKENS - 1))])  # and one for the leading space
    assert begin == MAX_QUERY_TOKENS + 2


def test_blocks_together_are_the_blocks_one_by_one() -> None:
    blocks = [Block("segment cyst", "[SEG]"), Block("the"), Block("is it a cyst", "yes [DET]")]
    together = list(encode_blocks(TOKENIZER, blocks))
    assert together == [pair for block in blocks for pair in encode_blocks(TOKENIZER, [block])]
    assert len({tuple(ids) for ids, _ in together}) == len(blocks)
    assert list(encode_blocks(TOKENIZER, [])) == []
