"""Experts into every decoder layer of a dense language model, and back into a model that is loaded."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar

from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel

from umind.backbone.moe.config import MoEConfig
from umind.backbone.moe.dual_path import DualPath
from umind.backbone.moe.experts import Experts
from umind.backbone.moe.region import tell
from umind.backbone.moe.router import Router

M = TypeVar("M", bound=PreTrainedModel)

LAYER = {"self_attn", "mlp", "input_layernorm", "post_attention_layernorm"}
"""What a decoder layer consists of, if its last line is ``residual + mlp(post_attention_layernorm(x))``."""
SWIGLU = ("gate_proj", "up_proj", "down_proj")


def attach(model: PreTrainedModel, config: MoEConfig) -> None:
    """Put a ``DualPath`` around the dense block of every decoder layer, in place, and the numbers into ``model.config``.

    The new weights are drawn at random, on the device and in the type of their layer; `upcycle` gives them a better start.

    Raises:
        ValueError: The model has experts already, or its layers have no dense SwiGLU block to put them beside.
    """
    layers = decoder_layers(model)
    std = getattr(model.config.get_text_config(), "initializer_range", 0.02)
    for layer in layers:
        norm = layer.get_parameter("post_attention_layernorm.weight")
        with norm.device:
            path = DualPath(layer.get_submodule("mlp"), len(norm), config, std=std)
        for part in (path.moe, path.coefficient):
            part.to(norm.dtype)
        layer.mlp = path.train(layer.training)
        if config.region_prior:
            tell(layer)
    config.write(model.config)


def decoder_layers(model: PreTrainedModel) -> list[nn.Module]:
    """The layers whose dense block can get experts beside it, found by what they consist of.

    Raises:
        ValueError: There is none, or the ``mlp`` of one is no dense SwiGLU block; the layer is named.
    """
    layers = {name: part for name, part in model.named_modules() if {child for child, _ in part.named_children()} == LAYER}
    if not layers:
        raise ValueError(f"{type(model).__name__} has no decoder layers made of {', '.join(sorted(LAYER))} and nothing else")
    for name, layer in layers.items():
        block = layer.mlp
        if isinstance(block, DualPath):
            raise ValueError(f"{name}.mlp has experts already")
        if not all(isinstance(getattr(block, part, None), nn.Linear) for part in SWIGLU) or not hasattr(block, "act_fn"):
            raise ValueError(f"{name}.mlp is no dense SwiGLU block of {', '.join(SWIGLU)}, but a {type(block).__name__}")
    return list(layers.values())


def dual_paths(model: nn.Module) -> dict[str, DualPath]:
    """The layers that `attach` put in, by their names, first layer first."""
    return {name: part for name, part in model.named_modules() if isinstance(part, DualPath)}


def new_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """What `attach` added, ``moe`` and ``coefficient`` of every layer, by full name: what stage 1 trains."""
    return {
        f"{path}.{name}": parameter
        for path, layer in dual_paths(model).items()
        for name, parameter in layer.named_parameters()
        if not name.startswith("dense.")
    }


def draw_missing(model: PreTrainedModel) -> None:
    """Draw the weights of routers and experts that no checkpoint gave; transformers does so for its own layers only."""
    std = getattr(model.config.get_text_config(), "initializer_range", 0.02)
    for part in model.modules():
        if isinstance(part, Router | Experts):
            part.reset(std)


@cache
def with_experts(model_class: type[M]) -> type[M]:
    """The class of models whose config, written by `attach`, tells of experts; it loads and saves as its parent does.

    ``with_experts(Qwen3ForCausalLM).from_pretrained(folder)`` restores what ``attach(model, config)`` and
    ``model.save_pretrained(folder)`` left. The parent itself would load the folder without the experts, and warn of it.
    """

    class WithExperts(model_class):  # type: ignore[valid-type, misc]
        def __init__(self, config: PreTrainedConfig, *args: Any, **kwargs: Any) -> None:
            super().__init__(config, *args, **kwargs)
            numbers = MoEConfig.read(config)
            if numbers is None:
                raise ValueError(f"this {type(config).__name__} tells of no experts; load the dense model and attach them")
            attach(self, numbers)

        def initialize_weights(self) -> None:
            """Draw what a checkpoint lacks."""
            super().initialize_weights()
            draw_missing(self)

    for name in ("__module__", "__name__", "__qualname__"):  # by these transformers finds the names of weights in its files
        setattr(WithExperts, name, getattr(model_class, name))
    return WithExperts
