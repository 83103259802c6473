"""Products that learn beside weights in 4 bits (QLoRA)."""

from pathlib import Path

import pytest
import tiny_qwen
import torch

from umind.backbone.adapter import AdapterConfig
from umind.checkpoint import load_backbone
from umind.training.module import UMindModule

SIZES = {"pixels": tiny_qwen.PIXELS, "decoders": tiny_qwen.DECODERS}


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pixel encoder and decoders of the tests where none are asked for."""
    pytest.importorskip("bitsandbytes")
    monkeypatch.setattr("umind.checkpoint.PixelConfig", lambda: tiny_qwen.PIXELS)
    monkeypatch.setattr("umind.checkpoint.DecoderConfig", lambda: tiny_qwen.DECODERS)


def module(base: Path, **kwargs: object) -> UMindModule:
    settings: dict[str, object] = {"frozen": (), "adapter": AdapterConfig(rank=4), "base_dtype": "bfloat16"}
    return UMindModule(backbone=str(base), quantize="nf4", imagenet=False, **(settings | kwargs))


@pytest.mark.parametrize("checkpointing", [False, True])
def test_products_learn_beside_weights_in_4_bits(checkpointing: bool, tmp_path: Path) -> None:
    base = tiny_qwen.backbone("qwen2_5_vl", tmp_path / "base", wide=True)
    trained = module(base, gradient_checkpointing=checkpointing)
    model = trained.model
    quantised = {name: p for name, p in model.named_parameters() if p.dtype == torch.uint8}
    assert len(quantised) == 7 * tiny_qwen.TEXT["num_hidden_layers"]
    assert all(name.endswith(".base_layer.weight") for name in quantised)
    before = {name: parameter.clone() for name, parameter in quantised.items()}
    batch = tiny_qwen.phantoms(trained.processor, tiny_qwen.SIDE)
    losses = tiny_qwen.learn(trained, batch, 12, half=True)
    assert losses[-1] < 0.8 * losses[0], losses
    products = {name: p.grad for name, p in model.named_parameters() if ".lora_" in name}
    assert len(products) == 2 * len(quantised)
    assert [name for name, gradient in products.items() if gradient is None or not gradient.abs().sum() > 0] == []
    assert all(torch.equal(parameter, before[name]) for name, parameter in quantised.items())
    model.save_pretrained(tmp_path / "adapter")
    settings = {"device": "cpu", "dtype": "bfloat16", **SIZES}
    learnt, _ = load_backbone(base, adapter=tmp_path / "adapter", quantize="nf4", **settings)
    inputs = {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask, "patches": batch.patches}
    with torch.no_grad():
        states = [m.eval()(pixel_values=batch.pixel_values, **inputs).hidden.float() for m in (model, learnt)]
    assert (states[0] - states[1]).norm() < 0.03 * states[1].norm(), "products come back in bf16; 0.013 was seen"


def test_it_goes_on_from_an_earlier_stage(tmp_path: Path) -> None:
    base = tiny_qwen.backbone("qwen3_vl", tmp_path / "base", wide=True)
    first = module(base)
    layer = "language.language_model.layers.1.mlp.down_proj"
    torch.nn.init.ones_(first.model.get_submodule(layer).lora_B["default"].weight)
    first.model.save_pretrained(tmp_path / "first")
    second = module(base, adapter_init=tmp_path / "first")
    assert (second.model.get_submodule(layer).lora_B["default"].weight == 1).all()


def test_it_wants_an_adapter_and_a_backbone(tmp_path: Path) -> None:
    base = tiny_qwen.backbone("qwen2_5_vl", tmp_path / "base", wide=True)
    with pytest.raises(ValueError, match="`quantize` wants an `adapter`"):
        module(base, adapter=None)
    with pytest.raises(ValueError, match="of the weights of a `backbone`"):
        UMindModule(init=tmp_path, quantize="nf4", adapter=AdapterConfig())
