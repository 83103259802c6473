"""A chat template, read; on a tokenizer made as Qwen's are."""

import pytest
import tiny_qwen

from umind.tokens.chat import chat_ids
from umind.tokens.vocabulary import OWN_IDS, TASK_TOKENS, TokenIds


def with_tokens(family: str = "qwen3_vl"):
    words = tiny_qwen.tokenizer(family)
    words.add_tokens(list(TASK_TOKENS), special_tokens=True)
    return words, words.convert_tokens_to_ids("<|image_pad|>")


def test_the_turns_become_ids() -> None:
    words, image = with_tokens()
    ids = chat_ids(words, image)
    assert words.decode(list(ids.opening)) == "<|im_start|>user\n<|vision_start|>"
    assert words.decode(list(ids.between)) == "<|vision_end|><|vision_start|>"
    assert words.decode([ids.query]) == "<|vision_end|>"
    assert words.decode([ids.end, *ids.turn]) == "<|im_end|>\n<|im_start|>user\n"
    assert words.decode(list(ids.answer)) == "<|im_end|>\n<|im_start|>assistant\n"
    assert words.decode([ids.end, ids.pad]) == "<|im_end|><|endoftext|>"
    assert words.decode(list(ids.of(*TASK_TOKENS))) == "[SEG][DET][KPT][MEAS]"


def test_a_system_turn_stands_in_front() -> None:
    words, image = with_tokens("qwen2_vl")
    assert words.decode(list(chat_ids(words, image).opening)).startswith("<|im_start|>system\nYou are")


@pytest.mark.parametrize(
    "template", [None, "{% for m in messages %}{{ m['content'] }}{% endfor %}", "{{ raise_exception('no images') }}"]
)
def test_a_template_without_images_is_refused(template: str | None) -> None:
    words, image = with_tokens()
    words.chat_template = template
    with pytest.raises(ValueError, match="chat template"):
        chat_ids(words, image)


def test_ids_go_through_a_config() -> None:
    words, image = with_tokens()
    for ids in (OWN_IDS, chat_ids(words, image)):
        assert TokenIds.from_dict(ids.to_dict()) == ids
