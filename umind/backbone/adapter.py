"""Low-rank adapters (LoRA, Hu et al., ICLR 2022) with peft: products of few weights, learnt beside those of a model."""

from __future__ import annotations

from dataclasses import dataclass

from peft import LoraConfig
from peft.tuners.lora import LoraLayer
from torch import nn
from transformers import PreTrainedModel


@dataclass(frozen=True)
class AdapterConfig:
    """Size of an adapter.

    Args:
        rank: Inner width of the product beside each layer.
        alpha: The product counts ``alpha / rank`` times.
        parts: Modules whose layers get one.
    """

    rank: int = 8
    alpha: int = 16
    parts: tuple[str, ...] = ("pixels", "language", "regions", "points")


def add_adapter(model: PreTrainedModel, config: AdapterConfig) -> None:
    """Freeze a model, and put a product beside each linear layer and each ungrouped convolution that was not frozen before.

    The product starts at zero: the model gives what it gave. From here on ``save_pretrained`` writes the adapter alone.

    Raises:
        ValueError: There is no such layer.
    """
    layers = [
        name
        for part in config.parts
        for name, module in model.get_submodule(part).named_modules(prefix=part)
        if is_adaptable(module)
    ]
    if not layers:
        raise ValueError(f"nothing in {', '.join(config.parts)} takes an adapter: every layer is frozen")
    model.add_adapter(LoraConfig(r=config.rank, lora_alpha=config.alpha, target_modules=layers))


def is_adaptable(module: nn.Module) -> bool:
    """Whether a module is a plain layer, whose output a product can be added to, and may change."""
    if type(module) not in (nn.Linear, nn.Conv2d):  # a subclass may give its output another shape
        return False
    return getattr(module, "groups", 1) == 1 and all(parameter.requires_grad for parameter in module.parameters())


def merge_adapter(model: PreTrainedModel) -> None:
    """Add every product to the weights beside it, and leave a model as if there had never been an adapter."""
    for name, module in list(model.named_modules()):
        if isinstance(module, LoraLayer):
            module.merge()
            model.set_submodule(name, module.get_base_layer(), strict=True)
    for trace in ("peft_config", "_weight_conversions"):  # transformers has no public way back
        model.__dict__.pop(trace, None)
    model._hf_peft_config_loaded = False
