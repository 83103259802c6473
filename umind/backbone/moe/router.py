"""From a token's state to the experts that it takes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional
from transformers import initialization

from umind.backbone.moe.config import MoEConfig


@dataclass(frozen=True, eq=False)
class Routing:
    """What a layer's router decided: C choices, of which a token takes up to K.

    Args:
        logits: Of every choice: the experts, then the skip experts; with the priors, if any, ``(B, L, C)``.
        experts: Choices of a token, most probable first; C where it takes no more, ``(B, L, K)``.
        weights: Their weights in the sum, 0 where it takes no more, ``(B, L, K)``.
        num_experts: How many of the choices are experts that work.
    """

    logits: Float[Tensor, "*b c"]
    experts: Int[Tensor, "*b k"]
    weights: Float[Tensor, "*b k"]
    num_experts: int

    @property
    def skipped(self) -> Float[Tensor, "*b 1"]:
        """Weight of the skip experts in the sum; they return their input."""
        return self.weights.masked_fill(self.experts < self.num_experts, 0).sum(-1, keepdim=True)


class Router(nn.Module):
    """Softmax over the choices in float32, then the best ones.

    Args:
        hidden_size: Width of a state.
        config: Rules of the choice.
        std: Standard deviation of the weights at the start; those of the prior are 0.
    """

    def __init__(self, hidden_size: int, config: MoEConfig, *, std: float = 0.02) -> None:
        super().__init__()
        self.config = config
        self.weight = nn.Parameter(torch.empty(config.num_choices, hidden_size))
        if config.region_prior:
            self.region = nn.Parameter(torch.empty(config.num_choices, hidden_size))
        self.reset(std)

    def reset(self, std: float) -> None:
        """Draw the weights, but for those that a checkpoint gave."""
        initialization.normal_(self.weight, std=std)
        if self.config.region_prior:
            initialization.zeros_(self.region)

    def forward(
        self,
        hidden: Float[Tensor, "*b d"],
        prior: Float[Tensor, "*b2 c"] | None = None,
        region: Float[Tensor, "*b3 d"] | None = None,
    ) -> Routing:
        """Choose.

        Args:
            hidden: States, ``(B, L, D)``.
            prior: Logits that are added to the router's own, ``(B, L, C)`` or ``(B, 1, C)``.
            region: What of the images a learned prior is made of, ``(B, 1, D)``; without effect unless the config wants it.
        """
        logits = functional.linear(hidden, self.weight).float()  # (B, L, C)
        if prior is not None:
            logits = logits + prior
        if region is not None and self.config.region_prior:
            logits = logits + functional.linear(region, self.region).float()
        probabilities = logits.softmax(-1)
        mass = self.config.router_mass
        if mass is None:
            weights, experts = probabilities.topk(self.config.num_experts_per_tok)
        else:
            weights, experts = probabilities.sort(descending=True, stable=True)
            enough = weights.cumsum(-1) - weights >= mass  # reached by those before
            weights, experts = weights.masked_fill(enough, 0), experts.masked_fill(enough, self.config.num_choices)
        if self.config.norm_topk_prob:
            weights = weights / weights.sum(-1, keepdim=True)
        return Routing(logits, experts, weights.to(hidden.dtype), self.config.num_experts)
