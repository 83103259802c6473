"""Frozen weights in bf16, what learns beside them in float32."""

from pathlib import Path

import pytest
import tiny_qwen
import torch

from umind import UMindVL
from umind.backbone.adapter import AdapterConfig
from umind.checkpoint import load_backbone
from umind.training.module import UMindModule

SIZES = {"pixels": tiny_qwen.PIXELS, "decoders": tiny_qwen.DECODERS}
WHOLE = ("pixels", "regions", "points", "language.language_model.norm")


def half(base: Path, **kwargs: object) -> UMindModule:
    """A module around a backbone in bf16, with an adapter; the final norm learns too."""
    settings: dict[str, object] = {"frozen": (), "adapter": AdapterConfig(rank=4, whole=WHOLE)}
    return UMindModule(backbone=str(base), base_dtype="bfloat16", imagenet=False, **(settings | kwargs))


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pixel encoder and decoders of the tests where none are asked for."""
    monkeypatch.setattr("umind.checkpoint.PixelConfig", lambda: tiny_qwen.PIXELS)
    monkeypatch.setattr("umind.checkpoint.DecoderConfig", lambda: tiny_qwen.DECODERS)


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("family", ["qwen2_5_vl", "qwen2_vl"])
def test_an_adapter_learns_in_float32_beside_weights_in_bf16(family: str, tmp_path: Path) -> None:
    base = tiny_qwen.backbone(family, tmp_path / "base")
    module = half(base)
    frozen = {n: p for n, p in module.model.named_parameters() if not p.requires_grad and ".original_module." not in n}
    learns = {name: parameter for name, parameter in module.model.named_parameters() if parameter.requires_grad}
    for mark in (".lora_", "trainable_tokens_delta", "regions.modules_to_save", "language_model.norm.modules_to_save"):
        assert any(mark in name for name in learns), mark
    assert {parameter.dtype for parameter in learns.values()} == {torch.float32}
    assert {parameter.dtype for parameter in frozen.values()} == {torch.bfloat16}
    assert {name.split(".")[0] for name in frozen} == ({"language"} if family in tiny_qwen.TIED else {"language", "lm_head"})
    before = {name: parameter.clone() for name, parameter in frozen.items()}
    batch = tiny_qwen.phantoms(module.processor, tiny_qwen.SIDE)
    losses = tiny_qwen.learn(module, batch, 12, half=True)
    assert losses[-1] < 0.8 * losses[0], losses
    assert all(torch.equal(parameter, before[name]) for name, parameter in frozen.items())
    module.model.save_pretrained(tmp_path / "adapter")
    learnt = UMindVL.from_backbone(base, adapter=tmp_path / "adapter", **SIZES).model
    copy = module.model.regions.modules_to_save["default"].state_dict()
    assert all(torch.equal(tensor, copy[name]) for name, tensor in learnt.regions.state_dict().items())
    rows = module.model.get_input_embeddings().token_adapter.trainable_tokens_delta["default"]
    assert torch.equal(learnt.get_input_embeddings().weight[list(learnt.config.ids.tasks)], rows)
    name = "language.language_model.layers.0.self_attn.q_proj"
    layer = module.model.get_submodule(name)
    product = layer.lora_B["default"].weight @ layer.lora_A["default"].weight * layer.scaling["default"]
    assert product.abs().max() > 0
    start = UMindVL.from_backbone(base, **SIZES).model.get_submodule(name).weight  # read anew in float32
    torch.testing.assert_close(learnt.get_submodule(name).weight, start + product, atol=1e-6, rtol=1e-5)


@pytest.mark.usefixtures("_small")
def test_without_autocast_too(tmp_path: Path) -> None:
    module = half(tiny_qwen.backbone("qwen3_vl", tmp_path / "base"), adapter=AdapterConfig(rank=2))
    module.step(tiny_qwen.phantoms(module.processor, tiny_qwen.SIDE))[0].backward()
    gradients = {name: p.grad for name, p in module.model.named_parameters() if p.grad is not None}
    assert any(".lora_B" in name and gradient.abs().sum() > 0 for name, gradient in gradients.items())
    assert all(gradient.isfinite().all() and gradient.dtype == torch.float32 for gradient in gradients.values())


@pytest.mark.usefixtures("_small")
def test_what_is_not_frozen_learns_in_float32_among_them(tmp_path: Path) -> None:
    module = half(tiny_qwen.backbone("qwen2_5_vl", tmp_path / "base"), adapter=None, frozen=("language.visual",))
    visual = {parameter.dtype for parameter in module.model.language.visual.parameters()}
    words = {parameter.dtype for parameter in module.model.language.language_model.parameters()}
    assert (visual, words) == ({torch.bfloat16}, {torch.float32})


def test_positions_stay_exact_in_bf16(tmp_path: Path) -> None:
    """Frequencies of the rotary embedding are no weights: rounded to bf16, position 1,000 is a radian off."""
    model, _ = load_backbone(tiny_qwen.backbone("qwen2_5_vl", tmp_path), device="cpu", dtype="bfloat16", **SIZES)
    exact, _ = load_backbone(tmp_path, device="cpu", dtype="float32", **SIZES)
    kept = [name for name, _ in exact.named_buffers() if "inv_freq" in name]
    assert kept
    for name in kept:
        assert torch.equal(model.get_buffer(name), exact.get_buffer(name)), name
    assert {parameter.dtype for parameter in model.language.parameters()} == {torch.bfloat16}
    assert {parameter.dtype for parameter in model.regions.parameters()} == {torch.float32}


def test_base_dtype_wants_a_backbone(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="of the weights of a `backbone`"):
        UMindModule(init=tmp_path, base_dtype="bfloat16")
