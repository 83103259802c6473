"""Dense model to mixture of experts without losing what it knows."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from umind.backbone.moe.attach import SWIGLU, attach, decoder_layers, dual_paths
from umind.backbone.moe.config import MoEConfig
from umind.backbone.moe.dual_path import MixtureOfExperts

CALM = 0.1
"""Factor on the router's weights of `attach`: choices differ by token, and yet all are nearly as probable."""


@torch.no_grad()
def upcycle(
    model: PreTrainedModel, config: MoEConfig, *, experts: Literal["copied", "random"] = "copied", share: float = 0.5
) -> None:
    """Attach experts that start from the dense block beside them (Komatsuzaki et al., Sparse Upcycling, ICLR 2023), in place.

    Every token starts with the same pair of coefficients, ``(share, 1 - share)``, whatever its state. As they sum to 1, the
    output of a layer starts off the dense one's by ``share (moe(h) - dense(h))``: it cannot be the same exactly, as a softmax
    that reached 1 would pass no gradient to the experts, but ``share=1e-4`` keeps logits to about that. The experts' gradients
    are as small then, which optimisers that divide by their size, as Adam does, do not feel.

    Args:
        model: Dense.
        config: Sizes and rules of the experts.
        experts: ``copied``: windows of the dense block's neurons, so scaled that the sparse block starts close to the dense
            one, see `copy_neurons` and `start_weight`. ``random``: as `attach` draws them.
        share: What of a layer's output comes from the experts at the start, between 0 and 1.

    Raises:
        ValueError: The share is out of its range, the dense weights have biases or are quantised, or `attach` refuses.
    """
    if not 0 < share < 1:
        raise ValueError(f"the experts' share at the start is between 0 and 1, not {share}")
    if experts not in ("copied", "random"):
        raise ValueError(f"experts start copied or random, not {experts!r}")
    if experts == "copied":
        for layer in decoder_layers(model):
            check_copies(layer.get_submodule("mlp"))
    attach(model, config)
    for path in dual_paths(model).values():
        path.coefficient.weight.zero_()
        path.coefficient.bias.copy_(torch.tensor([share, 1 - share]).log())
        if experts == "copied":
            copy_dense(path.dense, path.moe)


def check_copies(dense: nn.Module) -> None:
    """Raise a ``ValueError`` if a dense block's weights cannot be cut into experts."""
    for name in SWIGLU:
        part = getattr(dense, name)
        if part.bias is not None or not part.weight.is_floating_point():
            raise ValueError(f"experts have no biases and are not quantised, but the dense block's {name} is")


def copy_dense(dense: nn.Module, moe: MixtureOfExperts) -> None:
    """Fill routed and shared experts with neurons of the dense block, expert e from where expert e - 1 ended."""
    scale = 1 / start_weight(moe.config)
    width = moe.config.moe_intermediate_size
    for expert in range(moe.config.num_experts):
        gate, up, down = copy_neurons(dense, expert * width, width)
        moe.experts.gate_up_proj[expert] = torch.cat([gate, up])
        moe.experts.down_proj[expert] = down * scale
    moe.gate.weight.mul_(CALM)
    if moe.config.shared_expert_intermediate_size:
        gate, up, down = copy_neurons(dense, 0, moe.config.shared_expert_intermediate_size)
        moe.shared_expert.gate_proj.weight.copy_(gate)
        moe.shared_expert.up_proj.weight.copy_(up)
        moe.shared_expert.down_proj.weight.copy_(down * scale)
        moe.shared_expert_gate.weight.zero_()


def copy_neurons(dense: nn.Module, start: int, width: int) -> tuple[Tensor, Tensor, Tensor]:
    """Weights of a SwiGLU block made of a window of another's neurons, going round at the end.

    A block's output is a sum over its neurons. A window narrower than the block misses some, so each of its neurons counts
    (width of the block / width of the window) times: the mean over windows that cover the block evenly is the block. A wider
    one has some neurons more than once, which then share what the neuron gives: it equals the block.

    Returns:
        ``gate_proj`` and ``up_proj`` ``(W, D)``, ``down_proj`` ``(D, W)``.
    """
    gate, up, down = (getattr(dense, name).weight for name in SWIGLU)
    total = len(gate)
    neurons = torch.arange(start, start + width, device=gate.device) % total
    times = torch.bincount(neurons, minlength=total)[neurons]
    return gate[neurons], up[neurons], down[:, neurons] * (total / min(width, total) / times).to(down.dtype)


def start_weight(config: MoEConfig) -> float:
    """Sum of the weights with which the experts enter the sparse block's output, when all choices are equally probable.

    Of C choices a token takes K, or as many as reach the mass, each with weight 1 / C unless they are scaled to sum to 1; on
    average E of C are experts. The shared expert enters with sigmoid(0). Divided by this sum, copies of the dense block add up
    to the dense block.
    """
    mass = config.router_mass
    taken = config.num_experts_per_tok if mass is None else math.ceil(mass * config.num_choices)
    routed = 1 if config.norm_topk_prob else taken / config.num_choices
    shared = 0.5 if config.shared_expert_intermediate_size else 0
    return routed * config.num_experts / config.num_choices + shared
