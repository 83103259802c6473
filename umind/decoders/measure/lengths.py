"""Lengths of masks, all masks at once: by their outlines, and by their second moments."""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor

LENGTHS = ("longest diameter", "perpendicular diameter", "major axis", "minor axis")
"""What is measured: two calipers on the hull, and the axes of the ellipse with the same second moments."""
DIRECTIONS = 36
"""Half a turn in so many steps: a length between two of them is 0.1 % short at most."""


def lengths_of_masks(masks: Bool[Tensor, "m h w"]) -> Float[Tensor, "m 4"]:
    """``LENGTHS`` of masks, in pixels; at least one pixel."""
    return torch.cat([calipers_of_masks(masks), axes_of_masks(masks)], 1).clamp(min=1)


def calipers_of_masks(masks: Bool[Tensor, "m h w"]) -> Float[Tensor, "m 2"]:
    """Longest diameter, and the extent at right angles to it: extents of the ends of every row and column."""
    (x1, y1, met1), (y2, x2, met2) = ends_of_rows(masks), ends_of_rows(masks.transpose(1, 2))
    xs, ys, met = torch.cat([x1, x2], 1), torch.cat([y1, y2], 1), torch.cat([met1, met2], 1)
    angles = torch.arange(DIRECTIONS, device=masks.device) * (math.pi / DIRECTIONS)
    along = xs[..., None] * angles.cos() + ys[..., None] * angles.sin()  # (M, points, DIRECTIONS)
    nowhere = ~met[..., None]
    extents = along.masked_fill(nowhere, -torch.inf).amax(1) - along.masked_fill(nowhere, torch.inf).amin(1)
    longest, direction = extents.max(1)
    across = extents.gather(1, ((direction + DIRECTIONS // 2) % DIRECTIONS)[:, None])[:, 0]
    return torch.stack([longest, across], 1)


def ends_of_rows(masks: Bool[Tensor, "m h w"]) -> tuple[Float[Tensor, "m p"], Float[Tensor, "m p"], Bool[Tensor, "m p"]]:
    """Where each row enters and leaves its mask: along the row, across the rows, and whether the row meets the mask at all."""
    num, height, width = masks.shape
    places = torch.arange(width, device=masks.device, dtype=torch.float32)
    first, last = torch.where(masks, places, width).amin(2), torch.where(masks, places, -1).amax(2) + 1
    rows = (torch.arange(height, device=masks.device) + 0.5).expand(num, height)
    met = masks.any(2)
    return torch.cat([first, last], 1), torch.cat([rows, rows], 1), torch.cat([met, met], 1)


def axes_of_masks(masks: Bool[Tensor, "m h w"]) -> Float[Tensor, "m 2"]:
    """Major and minor axis of the ellipse with the mask's second moments, in pixels."""
    weights = masks.float()
    ys = torch.arange(masks.shape[1], device=masks.device, dtype=torch.float32)
    xs = torch.arange(masks.shape[2], device=masks.device, dtype=torch.float32)
    columns, rows = weights.sum(1), weights.sum(2)
    total = rows.sum(1).clamp(min=1)
    mean_x, mean_y = columns @ xs / total, rows @ ys / total
    var_x = columns @ xs**2 / total - mean_x**2 + 1 / 12
    var_y = rows @ ys**2 / total - mean_y**2 + 1 / 12
    cross = weights @ xs @ ys / total - mean_x * mean_y
    middle, gap = (var_x + var_y) / 2, torch.sqrt(((var_x - var_y) / 2) ** 2 + cross**2)
    values = torch.stack([middle + gap, middle - gap], 1).clamp(min=1 / 16)
    return 4 * values.sqrt()
