"""Loss of quality: true instances shall know their IoU, and candidates on nothing shall know that."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional


def mask_iou(logits: Float[Tensor, "m h w"], target: Float[Tensor, "m h w"]) -> Float[Tensor, "m"]:
    """IoU of each mask with its truth."""
    predicted, truth = logits.detach() > 0, target > 0.5
    return (predicted & truth).sum((1, 2)) / (predicted | truth).sum((1, 2)).clamp(min=1)


def on_nothing(points: Float[Tensor, "n 2"], slots: Int[Tensor, "n"], extent: Float[Tensor, "r h w"]) -> Bool[Tensor, "n"]:
    """Whether a candidate lies where its phrase has no extent at all; one inside an instance is merely its duplicate.

    Args:
        points: xy in units of the map's side.
        slots: Map of each candidate.
        extent: Share of each cell that the phrase covers.
    """
    size = torch.tensor([extent.shape[2], extent.shape[1]], device=points.device)
    columns, rows = (points * size).long().clamp(min=torch.zeros_like(size), max=size - 1).unbind(1)
    return extent[slots, rows, columns] == 0


def quality_loss(quality: Float[Tensor, "m"], iou: Float[Tensor, "m"], idle: Float[Tensor, "n"]) -> Float[Tensor, ""]:
    """Cross-entropy between predicted and reached IoU, 0 for idle candidates; zero without any of them.

    Args:
        quality: Logits of the true instances.
        iou: What their masks reach.
        idle: Logits of candidates that lie on nothing.
    """
    logits, target = torch.cat([quality, idle]), torch.cat([iou, torch.zeros_like(idle)])
    if not len(logits):
        return logits.sum()
    return functional.binary_cross_entropy_with_logits(logits, target)
