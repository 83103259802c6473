"""Figures at full size: the document is what the functions say, and these agree with torch's own counter and known totals."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import Qwen2_5_VLTextModel
from transformers.models.qwen2_5_vl.configuration_qwen2_5_vl import Qwen2_5_VLTextConfig

from benchmarks import scale
from benchmarks.scale import METHODS, NUM_GPUS, SIZES, memory_of, operations_of, rewrite, shape_of


def test_the_document_holds_these_tables() -> None:
    text = scale.DOCUMENT.read_text("utf-8")
    assert rewrite(text) == text
    with pytest.raises(ValueError, match="wants one <!-- step:begin -->"):
        rewrite(text.replace("<!-- step:begin -->", ""))


@pytest.mark.parametrize(("size", "published"), [("3B", 3_754_622_976), ("7B", 8_292_166_656)])
def test_weights_are_those_of_the_published_models(size: str, published: int) -> None:
    shape = shape_of(size)
    assert shape.base == published
    text = SIZES[size]
    width, inner = text["hidden_size"], text["intermediate_size"]
    assert shape.layers == text["num_hidden_layers"] * (2 * width**2 + 2 * width * shape.keys + 3 * width * inner)
    products = 16 * text["num_hidden_layers"] * (2 * (width + width) + 2 * (width + shape.keys) + 3 * (width + inner))
    tables = 1 if text["tie_word_embeddings"] else 2
    assert shape.adapter == products + 4 * width * tables


def test_operations_are_those_that_torch_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a model of two layers at the 3B's widths, without memory."""
    small = SIZES["3B"] | {"num_hidden_layers": 2}
    monkeypatch.setattr(scale, "SIZES", {"small": small})
    monkeypatch.setattr(scale, "TOKENS", 96)
    shape = shape_of("small")
    turns = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]}
    config = Qwen2_5_VLTextConfig(**small, rope_parameters=turns, attn_implementation="eager")
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        model = Qwen2_5_VLTextModel(config)
        states = torch.zeros(1, 96, config.hidden_size, requires_grad=True)
        positions = torch.zeros(3, 1, 96, dtype=torch.long)
        hidden = model(inputs_embeds=states, position_ids=positions, attention_mask=torch.zeros(1, 1, 96, 96)).last_hidden_state
        head = torch.nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        head(hidden).sum().backward()
    language, _ = operations_of(shape, "all weights", checkpointing=False)
    assert counter.get_total_flops() == pytest.approx(language, rel=0.01)
    again, _ = operations_of(shape, "all weights", checkpointing=True)
    assert again == language + 96 * 2 * shape.layers + 96 * 4 * 96 * 2048 * 2


@pytest.mark.parametrize("size", SIZES)
def test_what_stays_and_what_learns(size: str) -> None:
    shape = shape_of(size)
    for num_gpus in NUM_GPUS:
        lora, qlora, every = (memory_of(shape, method, num_gpus, checkpointing=True) for method in METHODS)
        assert lora.moments == 2 * lora.gradients
        assert every.gradients * num_gpus == 4 * (shape.base + shape.fresh)
        assert lora.activations == qlora.activations < every.activations
        assert every.total > lora.total
    alone = memory_of(shape, "all weights", 1, checkpointing=True)
    assert alone.total - alone.activations == 16 * (shape.base + shape.fresh)
    assert (
        memory_of(shape, "QLoRA", 1, checkpointing=True).weights < 0.6 * memory_of(shape, "LoRA", 1, checkpointing=True).weights
    )
    assert memory_of(shape, "LoRA", 8, checkpointing=True).total < memory_of(shape, "LoRA", 1, checkpointing=True).total
