"""Losses of masks."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional


def mask_loss(logits: Float[Tensor, "m h w"], target: Float[Tensor, "m h w"]) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Cross-entropy and soft Dice loss (Milletari et al., 3DV 2016), each the mean over instances; zero without any."""
    if not len(logits):
        return logits.sum(), logits.sum()
    cross_entropy = functional.binary_cross_entropy_with_logits(logits, target)
    probability = logits.sigmoid()
    overlap = 2 * (probability * target).sum((1, 2))
    total = (probability**2).sum((1, 2)) + (target**2).sum((1, 2))
    return cross_entropy, (1 - (overlap + 1) / (total + 1)).mean()
