"""Losses of masks."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

FINE = 5
"""Parts of a mask that are narrower than so many cells are fine: spicules, tips, thin walls."""
FINE_WEIGHT = 4.0
"""What a cell of them counts; a lesion's few tips would drown in its area, and decide its diameter."""


def mask_loss(logits: Float[Tensor, "m h w"], target: Float[Tensor, "m h w"]) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Cross-entropy and soft Dice loss (Milletari et al., 3DV 2016), each the mean over instances; zero without any."""
    if not len(logits):
        return logits.sum(), logits.sum()
    weight = 1 + (FINE_WEIGHT - 1) * fine_parts(target)
    cross_entropy = functional.binary_cross_entropy_with_logits(logits, target, weight)
    probability = logits.sigmoid()
    overlap = 2 * (weight * probability * target).sum((1, 2))
    total = (weight * probability**2).sum((1, 2)) + (weight * target**2).sum((1, 2))
    return cross_entropy, (1 - (overlap + 1) / (total + 1)).mean()


def fine_parts(masks: Float[Tensor, "m h w"]) -> Float[Tensor, "m h w"]:
    """What a morphological opening takes away (white top-hat)."""
    return masks - dilate(-dilate(-masks))


def dilate(maps: Float[Tensor, "m h w"]) -> Float[Tensor, "m h w"]:
    """Greatest value about each cell."""
    return functional.max_pool2d(maps, FINE, stride=1, padding=FINE // 2)
