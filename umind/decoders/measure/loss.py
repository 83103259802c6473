"""Loss of the spread."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def axes_of_masks(masks: Bool[Tensor, "m h w"]) -> Float[Tensor, "m 2"]:
    """Long and short axis of the ellipse with the mask's second moments, in cells; at least one cell."""
    weights = masks.float()
    total = weights.sum((1, 2)).clamp(min=1)
    ys = torch.arange(masks.shape[1], device=masks.device, dtype=torch.float32)
    xs = torch.arange(masks.shape[2], device=masks.device, dtype=torch.float32)
    columns, rows = weights.sum(1), weights.sum(2)
    mean_x, mean_y = columns @ xs / total, rows @ ys / total
    var_x = columns @ xs**2 / total - mean_x**2 + 1 / 12
    var_y = rows @ ys**2 / total - mean_y**2 + 1 / 12
    cross = torch.einsum("mhw,h,w->m", weights, ys, xs) / total - mean_x * mean_y
    middle, gap = (var_x + var_y) / 2, torch.sqrt(((var_x - var_y) / 2) ** 2 + cross**2)
    values = torch.stack([middle + gap, middle - gap], 1).clamp(min=1 / 16)
    return 4 * values.sqrt()


def spread_loss(
    log_spread: Float[Tensor, "m 2"], logits: Float[Tensor, "m h w"], target: Float[Tensor, "m h w"]
) -> Float[Tensor, ""]:
    """Gaussian negative log-likelihood of the log-ratio between the axes of the predicted and of the true mask."""
    if not len(logits):
        return log_spread.sum()
    residual = axes_of_masks(logits.detach() > 0).log() - axes_of_masks(target > 0.5).log()
    return (log_spread + 0.5 * (residual / log_spread.exp()) ** 2).clamp(max=20).mean()
