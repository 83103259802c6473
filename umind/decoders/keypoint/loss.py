"""Loss of heatmaps."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def keypoint_loss(heatmaps: Float[Tensor, "k h w"], points: Float[Tensor, "k 2"], sigma: float = 1.0) -> Float[Tensor, ""]:
    """Divergence of the heatmap's distribution from a Gaussian at the true point; zero without points.

    Args:
        heatmaps: Logits.
        points: True xy in units of the map's side.
        sigma: Width of the Gaussian, in cells.
    """
    if not len(points):
        return heatmaps.sum()
    height, width = heatmaps.shape[-2:]
    dx = torch.arange(width, device=points.device)[None] + 0.5 - points[:, :1] * width
    dy = torch.arange(height, device=points.device)[None] + 0.5 - points[:, 1:] * height
    bump = -0.5 * (dx[:, None, :] ** 2 + dy[:, :, None] ** 2) / sigma**2
    target = bump.flatten(1).log_softmax(1)
    predicted = heatmaps.flatten(1).log_softmax(1)
    return (target.exp() * (target - predicted)).sum(1).mean()
