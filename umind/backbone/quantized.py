"""Linear layers of a Qwen-VL's language model in few bits: 4 with bitsandbytes, to learn beside them, or 8 with torchao."""

from __future__ import annotations

import warnings
from importlib import import_module
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any, Literal

import torch
from torch import nn
from transformers import PreTrainedModel

from umind.backbone.adapter import PRODUCT
from umind.backbone.qwen_vl import is_qwen_vl

Bits = Literal["nf4", "int8"]
PACKAGES = MappingProxyType({"nf4": "bitsandbytes", "int8": "torchao"})
"""What does it, by the name of the format."""
LAYERS = "language.language_model.layers"
BLOCK = 64
"""Weights in a row that share a scale in ``nf4``."""


def quantise(model: PreTrainedModel, bits: Bits, device: str | torch.device = "cpu") -> None:
    """Quantise, in place, the linear layers inside the layers of a Qwen-VL's language model; all else stays as it is.

    That is the tables of the words with the rows of the task tokens, norms, vision tower, pixel encoder, decoders, and the
    products of an adapter. One layer at a time is on the device whole. transformers' own way quantises while it reads a
    published folder, before there is anything of umind's to leave out, and passes experts by without a word.

    ``nf4`` is 4-bit NormalFloat in blocks of ``BLOCK`` with scales that are quantised too, 4.127 bits a weight, multiplied in
    bf16 (Dettmers et al., "QLoRA: efficient finetuning of quantized LLMs", NeurIPS 2023). ``int8`` is symmetric, with one scale
    for each output of a layer.

    Args:
        model: Of umind, around a Qwen-VL.
        bits: One of ``PACKAGES``.
        device: Where the quantised weights lie.

    Raises:
        ImportError: The package is not installed.
        ValueError: There is no such format, the model is around no Qwen-VL, it has experts, which lie in blocks, or a layer is
            no multiple of ``BLOCK`` wide, whose weights in ``nf4`` bitsandbytes reads wrongly on a CPU.
    """
    check_bits(bits)
    layers = quantisable(model)
    if bits == "nf4":
        odd = [f"{name} has {layer.in_features}" for name, layer in layers.items() if layer.in_features % BLOCK]
        if odd:
            raise ValueError(f"nf4 wants inputs in multiples of {BLOCK}, and {odd[0]}: take int8")
        for name, layer in layers.items():
            model.set_submodule(name, in_nf4(layer, device), strict=True)
    else:
        in_int8(model.get_submodule(LAYERS), list(layers.values()), device)
    model.quantised = bits  # type: ignore[assignment]


def check_bits(bits: str) -> None:
    """Refuse what cannot be done before gigabytes are read.

    Raises:
        ImportError: The package is not installed.
        ValueError: There is no such format.
    """
    if bits not in PACKAGES:
        raise ValueError(f"{bits!r} is no format of quantised weights: choose from {', '.join(PACKAGES)}")
    if find_spec(PACKAGES[bits]) is None:
        raise ImportError(f"{bits} weights need {PACKAGES[bits]}: pip install 'umind[quantization]'")


def quantisable(model: PreTrainedModel) -> dict[str, nn.Linear]:
    """The layers that ``quantise`` takes, by name.

    Raises:
        ValueError: The model is around no Qwen-VL, or it has experts.
    """
    if not is_qwen_vl(model.config.text_config):
        raise ValueError("only the language model of a Qwen-VL is quantised, and this is none")
    inside = model.get_submodule(LAYERS)
    blocks = [name for name, parameter in inside.named_parameters(prefix=LAYERS) if parameter.ndim > 2]
    if blocks:
        raise ValueError(f"experts are not quantised, and {blocks[0]} holds those of a layer in one block: take a dense model")
    named = inside.named_modules(prefix=LAYERS)
    return {
        name: module
        for name, module in named
        if type(module) is nn.Linear and PRODUCT not in name and ".modules_to_save." not in name  # these learn
    }


def in_nf4(layer: nn.Linear, device: str | torch.device) -> nn.Module:
    """A layer with its weights in 4 bits."""
    library: Any = import_module("bitsandbytes").nn
    has_bias = layer.bias is not None
    made: Any = library.Linear4bit(layer.in_features, layer.out_features, has_bias, torch.bfloat16, device="meta")
    weight = library.Params4bit(layer.weight.detach().bfloat16(), blocksize=BLOCK, quant_type="nf4", module=made)
    made.weight = weight.to(device)
    if has_bias:
        made.bias = nn.Parameter(layer.bias.detach().to(device, torch.bfloat16), requires_grad=False)
    made.support_avx512bf16_for_cpu = False  # it repacks weights in evaluation, and no gradient comes through them later
    trained: nn.Module = made.train(layer.training)
    return trained


def in_int8(inside: nn.Module, layers: list[nn.Linear], device: str | torch.device) -> None:
    """Put the weights of some layers inside a module into 8 bits."""
    with warnings.catch_warnings(action="ignore"):  # its source has escapes that Python warns of
        library: Any = import_module("torchao.quantization")
    chosen = {id(layer) for layer in layers}
    kind = library.Int8WeightOnlyConfig(set_inductor_config=False)  # nothing is compiled here
    library.quantize_(inside, kind, filter_fn=lambda module, _: id(module) in chosen, device=device)
