"""Loss of centre and extent maps."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional


def centre_target(
    points: Float[Tensor, "m 2"], boxes: Float[Tensor, "m 4"], slots: Int[Tensor, "m"], shape: tuple[int, ...]
) -> Float[Tensor, "r h w"]:
    """Gaussians at instance centres, a ninth of the box wide and at least half a cell, exactly 1 at the centre's cell.

    Args:
        points: Centres xy in units of the map's side.
        boxes: xyxy in the same unit.
        slots: Map of each instance.
        shape: ``(R, H, W)`` of the maps.
    """
    num_maps, height, width = shape
    size = torch.tensor([width, height], device=points.device)
    cell = (points * size).floor().clamp(min=torch.zeros_like(size), max=size - 1)
    sigma = ((boxes[:, 2:] - boxes[:, :2]) * size / 9).clamp(min=0.5)
    dx = (torch.arange(width, device=points.device)[None] - cell[:, :1]) / sigma[:, :1]
    dy = (torch.arange(height, device=points.device)[None] - cell[:, 1:]) / sigma[:, 1:]
    bumps = torch.exp(-0.5 * (dx[:, None, :] ** 2 + dy[:, :, None] ** 2))  # (M, H, W)
    target = bumps.new_zeros(num_maps, height, width)
    return target.scatter_reduce(0, slots[:, None, None].expand_as(bumps), bumps, "amax")


def centre_loss(logits: Float[Tensor, "r h w"], target: Float[Tensor, "r h w"]) -> Float[Tensor, ""]:
    """Penalty-reduced focal loss (CornerNet, Law & Deng, ECCV 2018; alpha 2, beta 4), for each instance."""
    hit = target == 1
    probability = logits.sigmoid()
    near = functional.logsigmoid(logits) * (1 - probability) ** 2
    far = functional.logsigmoid(-logits) * probability**2 * (1 - target) ** 4
    return -torch.where(hit, near, far).sum() / hit.sum().clamp(min=1)


def extent_loss(logits: Float[Tensor, "r h w"], target: Float[Tensor, "r h w"]) -> Float[Tensor, ""]:
    """Cross-entropy against the share of each cell that the phrase covers; zero without phrases."""
    if not len(logits):
        return logits.sum()
    return functional.binary_cross_entropy_with_logits(logits, target)
