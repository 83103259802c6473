import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from umind.tokens.tokenizer import encode_response, encode_text, train_tokenizer
from umind.tokens.vocabulary import REGION_TOKENS, SPECIAL_TOKENS, TASK_TOKENS

CORPUS = ["segment the cyst", "outline every benign lesion", "yes", "no", "measure the head circumference"]
TOKENIZER = train_tokenizer(CORPUS, 300)


@pytest.mark.parametrize("token", SPECIAL_TOKENS)
def test_id_of_a_special_token_is_its_place(token: str) -> None:
    assert TOKENIZER.convert_tokens_to_ids(token) == SPECIAL_TOKENS.index(token)


def test_special_tokens_are_distinct_and_region_tokens_are_task_tokens() -> None:
    assert len(set(SPECIAL_TOKENS)) == len(SPECIAL_TOKENS)
    assert set(REGION_TOKENS) < set(TASK_TOKENS) < set(SPECIAL_TOKENS)


@pytest.mark.parametrize("token", SPECIAL_TOKENS)
def test_a_special_token_typed_by_a_user_stays_plain_letters(token: str) -> None:
    ids = encode_text(TOKENIZER, f"draw {token}{token} here")
    assert min(ids) >= len(SPECIAL_TOKENS)
    assert TOKENIZER.decode(ids).strip() == f"draw {token}{token} here".lower()


def test_response_has_task_tokens_in_their_places() -> None:
    seg, kpt = SPECIAL_TOKENS.index("[SEG]"), SPECIAL_TOKENS.index("[KPT]")
    yes = encode_text(TOKENIZER, "yes")
    assert encode_response(TOKENIZER, "[SEG]") == [seg]
    assert encode_response(TOKENIZER, "yes [SEG] yes [KPT][SEG]") == [*yes, seg, *yes, kpt, seg]
    assert encode_response(TOKENIZER, "") == []


def test_response_leaves_other_special_tokens_plain() -> None:
    assert min(encode_response(TOKENIZER, "<end><image> <query>")) >= len(SPECIAL_TOKENS)


def test_case_and_width_do_not_matter() -> None:
    assert encode_text(TOKENIZER, "Segment THE Cyst") == encode_text(TOKENIZER, "segment the cyst")
    assert encode_text(TOKENIZER, "ｃｙｓｔ") == encode_text(TOKENIZER, "cyst")  # noqa: RUF001 (full-width letters)


@settings(derandomize=True)
@example("ΟΔΟΣ İstanbul 超声 👩\u200d⚕️ \x00 ﬁ\n\tx")
@given(st.text(max_size=40))
def test_any_text_comes_back_normalised(text: str) -> None:
    normalised = TOKENIZER.backend_tokenizer.normalizer.normalize_str(text)
    said = TOKENIZER.decode(encode_text(TOKENIZER, text))
    assert said in (normalised, f" {normalised}")


def test_training_is_deterministic_and_keeps_the_limit() -> None:
    again = train_tokenizer(CORPUS, 300)
    assert again.get_vocab() == TOKENIZER.get_vocab()
    assert len(again) <= 300


def test_saved_tokenizer_says_the_same(tmp_path) -> None:
    TOKENIZER.save_pretrained(tmp_path)
    loaded = PreTrainedTokenizerFast.from_pretrained(tmp_path)
    for text in ("Segment the cyst [SEG]", "größe 3 µm", "\n two  spaces "):
        assert encode_text(loaded, text) == encode_text(TOKENIZER, text)
