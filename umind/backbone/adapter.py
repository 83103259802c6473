"""Low-rank adapters (LoRA, Hu et al., ICLR 2022) with peft: products of few weights, learnt beside those of a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from peft import LoraConfig, get_peft_model_state_dict
from peft.tuners.lora import LoraLayer
from peft.utils import AuxiliaryTrainingWrapper
from peft.utils.constants import DUMMY_TARGET_MODULES
from torch import Tensor, nn
from transformers import PreTrainedModel

from umind.backbone.qwen_vl import is_qwen_vl

NAME = "default"
"""Of the adapter, inside a model that carries it; peft's own."""
PREFIX = "base_model.model."
"""In front of every name in the file of an adapter, as peft writes it."""
PRODUCT = ".lora_"
"""Inside the name of every weight of a product."""
SECOND = ".lora_B."
"""Inside the name of its second factor, which it is proportional to."""


@dataclass(frozen=True)
class AdapterConfig:
    """What an adapter is made of, and its size.

    Around a Qwen-VL the task tokens, the pixel encoder and the decoders are new: rows of the tokens and these parts learn
    whole, and travel with the products of the language model.

    Args:
        rank: Inner width of the product beside each layer.
        alpha: The product counts ``alpha / rank`` times.
        parts: Modules whose layers get one. None for the usual ones: of a Qwen-VL the language model, and not the vision
            tower; of any other model all.
        whole: Modules that learn whole, but for what was frozen before. None for the usual ones: around a Qwen-VL the pixel
            encoder and the decoders, else none.
    """

    rank: int = 8
    alpha: int = 16
    parts: tuple[str, ...] | None = None
    whole: tuple[str, ...] | None = None

    def completed(self, model: PreTrainedModel) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """``parts`` and ``whole``, with the usual ones of a model where nothing else was asked for."""
        every = ("pixels", "language", "regions", "points")
        has_eyes = is_qwen_vl(model.config.text_config)
        parts = self.parts if self.parts is not None else ("language.language_model",) if has_eyes else every
        whole = self.whole if self.whole is not None else ("pixels", "regions", "points") if has_eyes else ()
        return parts, whole


def add_adapter(model: PreTrainedModel, config: AdapterConfig) -> None:
    """Freeze a model, and put a product beside each linear layer and each ungrouped convolution that was not frozen before.

    The product starts at zero: the model gives what it gave. Parts that learn whole, and the rows of a Qwen-VL's task tokens,
    become copies that may change. From here on ``save_pretrained`` writes the adapter alone.

    Raises:
        ValueError: There is nothing that may learn.
    """
    parts, whole = config.completed(model)
    layers = [
        name
        for part in parts
        for name, module in model.get_submodule(part).named_modules(prefix=part)
        if is_adaptable(module) and not name.startswith(tuple(f"{part}." for part in whole))
    ]
    if not layers and not whole:
        raise ValueError(f"nothing in {', '.join(parts)} takes an adapter: every layer is frozen")
    frozen = {name for name, parameter in model.named_parameters() if not parameter.requires_grad}
    model.add_adapter(
        LoraConfig(
            r=config.rank,
            lora_alpha=config.alpha,
            target_modules=layers or DUMMY_TARGET_MODULES,
            modules_to_save=list(whole) or None,
            trainable_token_indices=task_rows(model) or None,
        )
    )
    for part in whole:
        copy: Any = model.get_submodule(part)
        for name, parameter in copy.modules_to_save[NAME].named_parameters(prefix=part):
            parameter.requires_grad_(name not in frozen)


def task_rows(model: PreTrainedModel) -> dict[str, list[int]]:
    """Rows of the task tokens by the name of their table; none where the tokens are no guests in the vocabulary."""
    config: Any = model.config
    if not is_qwen_vl(config.text_config):
        return {}
    words = model.get_input_embeddings()
    table = next(name for name, module in model.named_modules() if module is words)
    return {name: list(config.ids.tasks) for name in ((table,) if config.tie_word_embeddings else (table, "lm_head"))}


def is_adaptable(module: nn.Module) -> bool:
    """Whether a module is a plain layer, whose output a product can be added to, and may change."""
    if type(module) not in (nn.Linear, nn.Conv2d):  # a subclass may give its output another shape
        return False
    return getattr(module, "groups", 1) == 1 and all(parameter.requires_grad for parameter in module.parameters())


@torch.no_grad()
def fill_adapter(model: PreTrainedModel, weights: Mapping[str, Tensor]) -> tuple[set[str], set[str], set[str]]:
    """Copy the weights of a saved adapter into that of a model, as far as they fit.

    Args:
        model: With an adapter.
        weights: By name, as ``save_pretrained`` writes them.

    Returns:
        Names of weights that were not given, that the model does not have, and that have another shape there.
    """
    held = {PREFIX + name: tensor for name, tensor in get_peft_model_state_dict(model, save_embedding_layers=False).items()}
    common = held.keys() & weights.keys()
    reshaped = {name for name in common if held[name].shape != weights[name].shape}
    for name in common - reshaped:
        held[name].copy_(weights[name])
    return held.keys() - common, weights.keys() - common, reshaped


def merge_adapter(model: PreTrainedModel, *, products: bool = True) -> None:
    """Add every product to the weights beside it, put what learnt whole in place, and leave no trace of an adapter.

    Args:
        model: With an adapter.
        products: False leaves them beside their weights, for these to be quantised: a sum would be rounded to other numbers
            than the weights that the products learnt beside.
    """
    for name, module in list(model.named_modules()):
        if isinstance(module, LoraLayer):
            if products:
                module.merge()
                model.set_submodule(name, module.get_base_layer(), strict=True)
        elif isinstance(module, AuxiliaryTrainingWrapper):
            learnt = module.unload_and_optionally_merge_module(merge=True, safe_merge=False, adapter_names=None)
            model.set_submodule(name, learnt, strict=True)
    for trace in ("peft_config", "_weight_conversions"):  # transformers has no public way back
        model.__dict__.pop(trace, None)
    model._hf_peft_config_loaded = False
