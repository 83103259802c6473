"""Presence: the token's state, the features where the phrase seems to be, and the strength of its best centre."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn


class PresenceHead(nn.Module):
    """Logit of the probability that a phrase is in the image.

    Args:
        hidden_size: Width of the language model.
        context_size: Channels of the context features.
        width: Hidden units.
    """

    def __init__(self, hidden_size: int, context_size: int, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(hidden_size + context_size + 2, width), nn.ReLU(), nn.Linear(width, 1))

    def forward(
        self,
        states: Float[Tensor, "r d"],
        seen: Float[Tensor, "r c"],
        centres: Float[Tensor, "r h w"],
        extent: Float[Tensor, "r h w"],
    ) -> Float[Tensor, "r"]:
        """One logit for each region token; ``seen`` are the features where its phrase seems to be."""
        evidence = torch.stack([centres.flatten(1).amax(1), extent.flatten(1).amax(1)], 1)
        logits: Float[Tensor, "r"] = self.layers(torch.cat([states, seen, evidence], 1)).squeeze(1)
        return logits
