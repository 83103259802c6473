"""The layer that takes a dense block's place: the block itself, with a sparse one beside it."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers import initialization

from umind.backbone.moe.config import MoEConfig
from umind.backbone.moe.experts import Experts
from umind.backbone.moe.router import Router


class DualPath(nn.Module):
    """``c_0 moe(h) + c_1 dense(h)`` with ``c = softmax(coefficient(h))``, a pair for each token (EchoVLM, arXiv 2509.14977).

    Residual Mixture-of-Experts of Rajbhandari et al., ICML 2022, with a learned coefficient.

    Args:
        dense: The block whose place this takes: SwiGLU, with ``gate_proj``, ``up_proj``, ``down_proj`` and ``act_fn``.
        hidden_size: Width of a state.
        config: Sizes and rules of the experts.
        std: Standard deviation of the new weights at the start.
    """

    def __init__(self, dense: nn.Module, hidden_size: int, config: MoEConfig, *, std: float = 0.02) -> None:
        super().__init__()
        self.dense = dense
        activation = dense.act_fn
        assert isinstance(activation, nn.Module)
        self.moe = MixtureOfExperts(hidden_size, config, activation, std=std)
        self.coefficient = nn.Linear(hidden_size, 2)
        for part in (*self.moe.modules(), self.coefficient):
            if isinstance(part, nn.Linear):
                initialization.normal_(part.weight, std=std)
        initialization.zeros_(self.coefficient.bias)

    def forward(self, hidden: Float[Tensor, "b l d"], region: Float[Tensor, "b 1 d"] | None = None) -> Float[Tensor, "b l d"]:
        """Mix both paths; the region is the router's."""
        share = self.coefficient(hidden).softmax(-1, dtype=torch.float32).to(hidden.dtype)  # (B, L, 2)
        mixed: Tensor = share[..., :1] * self.moe(hidden, region) + share[..., 1:] * self.dense(hidden)
        return mixed


class MixtureOfExperts(nn.Module):
    """``Σ p_e Expert_e(h) + sigmoid(h · w_s) Shared(h)``; a skip expert's ``Expert_e(h)`` is ``h``.

    Args:
        hidden_size: Width of a state.
        config: Sizes and rules.
        activation: Of the experts' gates.
        std: Standard deviation of the experts' and the router's weights at the start.
    """

    def __init__(self, hidden_size: int, config: MoEConfig, activation: nn.Module, *, std: float = 0.02) -> None:
        super().__init__()
        self.config = config
        self.gate = Router(hidden_size, config, std=std)
        self.experts = Experts(hidden_size, config, activation, std=std)
        if config.shared_expert_intermediate_size:
            self.shared_expert = SwiGLU(hidden_size, config.shared_expert_intermediate_size, activation)
            self.shared_expert_gate = nn.Linear(hidden_size, 1, bias=False)

    def forward(self, hidden: Float[Tensor, "b l d"], region: Float[Tensor, "b 1 d"] | None = None) -> Float[Tensor, "b l d"]:
        """Route, and sum."""
        routing = self.gate(hidden, region=region)
        mixed: Tensor = self.experts(hidden, routing)
        if self.config.num_skip_experts:
            mixed = mixed + routing.skipped * hidden
        if self.config.shared_expert_intermediate_size:
            mixed = mixed + self.shared_expert_gate(hidden).sigmoid() * self.shared_expert(hidden)
        return mixed


class SwiGLU(nn.Module):
    """The dense block of the Llama and Qwen families (Shazeer, 2020), without bias.

    Args:
        hidden_size: Width of a state.
        width: Width between its products.
        activation: Of the gate.
    """

    def __init__(self, hidden_size: int, width: int, activation: nn.Module) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(hidden_size, width, bias=False)
        self.up_proj = nn.Linear(hidden_size, width, bias=False)
        self.down_proj = nn.Linear(width, hidden_size, bias=False)
        self.act_fn = activation

    def forward(self, hidden: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
        """Apply."""
        projected: Tensor = self.down_proj(self.act_fn(self.gate_proj(hidden)) * self.up_proj(hidden))
        return projected
