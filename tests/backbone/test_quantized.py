"""Language models in few bits: what is quantised and what is not, how far answers move, and products beside the weights."""

from pathlib import Path

import numpy as np
import pytest
import tiny_qwen
import torch
from torch import Tensor, nn

from umind import UMindVL
from umind.backbone import quantized
from umind.backbone.adapter import AdapterConfig, add_adapter
from umind.backbone.quantized import PACKAGES, quantisable, quantise
from umind.data.phantom import phantom_sample
from umind.tokens.template import Block

SIZES = {"pixels": tiny_qwen.PIXELS, "decoders": tiny_qwen.DECODERS}
LAYERS = {f"self_attn.{name}_proj" for name in "qkvo"} | {f"mlp.{name}_proj" for name in ("gate", "up", "down")}
WEIGHTS = {"nf4": 0.12, "int8": 0.01}
"""Largest relative error of a layer's weights: normal numbers have 0.093 and 0.005."""
LOGITS = {"nf4": 0.3, "int8": 0.02}
"""Largest relative error of the logits: such weights went through two layers, of which each has two products in a row."""
ROUNDED = 0.03
"""Of the logits of the same rounded weights, multiplied in bf16 or in float32: 0.01 was seen."""


@pytest.fixture(scope="module", params=PACKAGES)
def bits(request: pytest.FixtureRequest) -> str:
    pytest.importorskip(PACKAGES[request.param])
    return request.param


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_qwen.backbone("qwen2_5_vl", tmp_path_factory.mktemp("base"), wide=True)


def around(base: Path, **kwargs: object) -> UMindVL:
    torch.manual_seed(1)  # the same fresh parts every time
    return UMindVL.from_backbone(base, **SIZES, **kwargs)


def logits(umind: UMindVL) -> Tensor:
    image = np.random.default_rng(0).integers(0, 256, (40, 60), np.uint8)
    patches = umind.processor.patches([image])
    packed = umind.processor.pack([[Block("segment the cyst", "[SEG]"), Block("is it benign", "yes")]], patches.counts)
    pixels = nn.functional.interpolate(torch.from_numpy(image[:32, :32].copy()).float().div(255)[None, None], (64, 64))
    with torch.no_grad():
        return umind.model(packed["input_ids"], packed["attention_mask"], pixels, patches=patches).logits


def whole(layer: nn.Module) -> Tensor:
    """The weights that a quantised layer stands for."""
    if hasattr(layer.weight, "quant_state"):
        return pytest.importorskip("bitsandbytes").functional.dequantize_4bit(layer.weight.data, layer.weight.quant_state)
    return layer.weight.dequantize()


def apart(one: Tensor, other: Tensor) -> float:
    one, other = one.detach().float(), other.detach().float()
    return float((one - other).norm() / other.norm())


def test_the_language_models_layers_and_nothing_else(base: Path, bits: str) -> None:
    model, exact = around(base, quantize=bits).model, around(base).model
    chosen = quantisable(exact)
    assert {".".join(name.split(".")[4:]) for name in chosen} == LAYERS
    assert len(chosen) == len(LAYERS) * tiny_qwen.TEXT["num_hidden_layers"]
    for name, layer in chosen.items():
        assert 0 < apart(whole(model.get_submodule(name)), layer.weight) < WEIGHTS[bits], name
    same = {name: tensor for name, tensor in exact.state_dict().items() if name.removesuffix(".weight") not in chosen}
    kept = model.state_dict()
    biases = {f"{name}.bias" for name in chosen}  # multiplied in bf16, they are kept so
    assert [name for name, tensor in same.items() if name not in biases and not torch.equal(kept[name], tensor)] == []


def test_logits_are_those_of_the_rounded_weights_and_close_to_those_of_all_bits(
    bits: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(tiny_qwen.TEXT, "initializer_range", 0.05)  # layers of a trained model add little each
    base = tiny_qwen.backbone("qwen2_5_vl", tmp_path, wide=True)
    umind, exact = around(base, quantize=bits), around(base)
    before = logits(exact)
    for name, layer in quantisable(exact.model).items():
        layer.weight.data = whole(umind.model.get_submodule(name)).detach().float()
    found = logits(umind)
    assert 0 < apart(found, before) < LOGITS[bits]
    assert apart(found, logits(exact)) < ROUNDED


def test_nf4_is_that_of_the_paper() -> None:
    """Blocks of 64, divided by their largest number, to the nearest of 16 quantiles; scales in 8 bits, within a hundredth."""
    pytest.importorskip("bitsandbytes")
    code = [-1, -0.6961928, -0.5250731, -0.3949175, -0.2844414, -0.1847734, -0.0910500, 0]
    code += [0.0795803, 0.1609302, 0.2461123, 0.3379152, 0.4407098, 0.5626170, 0.7229568, 1]
    torch.manual_seed(0)
    layer = nn.Linear(128, 32).bfloat16()
    blocks = layer.weight.detach().float().reshape(-1, 64)
    scales = blocks.abs().amax(1, keepdim=True)
    levels = torch.tensor(code)
    nearest = levels[(blocks[..., None] / scales[..., None] - levels).abs().argmin(-1)] * scales
    assert apart(whole(quantized.in_nf4(layer, "cpu")).reshape(-1, 64), nearest) < 0.01


def test_products_stay_beside_nf4_and_are_merged_before_int8(base: Path, bits: str, tmp_path: Path) -> None:
    """What a product learnt beside rounded weights is added to just those."""
    learnt = around(base).model
    add_adapter(learnt, AdapterConfig(rank=2))
    draw = torch.Generator().manual_seed(0)
    for name, parameter in learnt.named_parameters():
        if parameter.requires_grad:
            parameter.data += (0.2 if ".lora_" in name else 0.05) * torch.randn(parameter.shape, generator=draw)
    learnt.save_pretrained(tmp_path)
    umind, reference, plain = around(base, quantize=bits, adapter=tmp_path), around(base, adapter=tmp_path), around(base)
    for name in quantisable(plain.model):
        merged, layer = reference.model.get_submodule(name).weight, umind.model.get_submodule(name)
        if bits == "nf4":
            rounded, kept = whole(layer.base_layer) + layer.get_delta_weight("default"), plain.model.get_submodule(name).weight
        else:
            rounded, kept = whole(layer), merged
        assert 0 < float((rounded - merged).norm().detach()) < WEIGHTS[bits] * float(kept.norm().detach())
        merged.data = rounded.detach().float()
    assert apart(logits(umind), logits(reference)) < 2 * ROUNDED
    assert apart(logits(umind), logits(plain)) > 0.1
    assert torch.equal(umind.model.get_input_embeddings().weight, reference.model.get_input_embeddings().weight)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_verbs_answer(base: Path, bits: str, dtype: str) -> None:
    umind = around(base, quantize=bits, dtype=dtype)
    assert umind.model.lm_head.weight.dtype == getattr(torch, dtype)
    image = phantom_sample(0, size=64).image
    assert umind.segment(image, "cyst", threshold=0).masks.shape[1:] == image.pixels.shape[:2]
    assert umind.classify(image, "cyst", ["yes", "no"]).probabilities.sum() == pytest.approx(1)
    assert isinstance(umind.ask(image, "is it benign").text, str)


def test_what_is_quantised_is_not_saved(base: Path, bits: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"weights in {bits} are not saved: keep the model"):
        around(base, quantize=bits).save_pretrained(tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_experts_and_other_models_are_refused_by_name(tmp_path: Path, random_umind: UMindVL) -> None:
    model = tiny_qwen.build("qwen3_vl_moe", tmp_path).model
    with pytest.raises(ValueError, match=r"experts are not quantised, and language\..*\.mlp\.experts\.\w+ holds"):
        quantisable(model)
    with pytest.raises(ValueError, match="only the language model of a Qwen-VL"):
        quantisable(random_umind.model)


def test_rows_of_another_length_are_refused_in_4_bits(tmp_path: Path) -> None:
    """On a CPU bitsandbytes 0.50 gives the weights of such rows back with 0.16 to 0.39 of relative error, and not 0.09."""
    pytest.importorskip("bitsandbytes")
    model = tiny_qwen.build("qwen2_5_vl", tmp_path).model
    with pytest.raises(ValueError, match=r"inputs in multiples of 64, and language\..*\.q_proj has 32: take int8"):
        quantise(model, "nf4")


def test_products_are_left_alone(base: Path) -> None:
    model = around(base).model
    names = quantisable(model).keys()
    add_adapter(model, AdapterConfig(rank=2))
    assert {name.removesuffix(".base_layer") for name in quantisable(model)} == names


@pytest.mark.parametrize("bits", PACKAGES)
def test_a_missing_package_is_named_before_anything_is_read(bits: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantized, "find_spec", lambda _: None)
    with pytest.raises(ImportError, match=rf"{bits} weights need {PACKAGES[bits]}: pip install 'umind\[quantization\]'"):
        UMindVL.from_backbone(tmp_path / "nowhere", quantize=bits)


def test_an_unknown_format(random_umind: UMindVL) -> None:
    with pytest.raises(ValueError, match="'int3' is no format of quantised weights: choose from nf4, int8"):
        quantise(random_umind.model, "int3")
