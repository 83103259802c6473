"""Lengths of masks, all masks at once: by their outlines, and by their second moments."""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

LENGTHS = ("longest diameter", "perpendicular diameter", "major axis", "minor axis")
"""What is measured: two calipers on the hull, and the axes of the ellipse with the same second moments."""
DIRECTIONS = 36
"""Half a turn in so many steps: a length between two of them is 0.1 % short at most."""


def lengths_of_masks(levels: Float[Tensor, "m h w"]) -> Float[Tensor, "m 4"]:
    """``LENGTHS`` of the regions where levels are positive, in cells; at least one cell."""
    return torch.cat([calipers_of_masks(levels), axes_of_masks(levels > 0)], 1).clamp(min=1)


def calipers_of_masks(levels: Float[Tensor, "m h w"]) -> Float[Tensor, "m 2"]:
    """Longest diameter, and the extent at right angles to it.

    Both are extents of the outline's crossings of every row and column, to a fraction of a cell.
    """
    (x1, y1, seen1), (y2, x2, seen2) = crossings(levels), crossings(levels.transpose(1, 2))
    xs, ys, seen = torch.cat([x1, x2], 1), torch.cat([y1, y2], 1), torch.cat([seen1, seen2], 1)
    angles = torch.arange(DIRECTIONS, device=levels.device) * (math.pi / DIRECTIONS)
    along = xs[..., None] * angles.cos() + ys[..., None] * angles.sin()  # (M, points, DIRECTIONS)
    hidden = ~seen[..., None]
    extents = along.masked_fill(hidden, -torch.inf).amax(1) - along.masked_fill(hidden, torch.inf).amin(1)
    extents = extents.clamp(min=0)  # of no points: minus infinity
    longest, at = extents.max(1)
    across = extents.gather(1, ((at + DIRECTIONS // 2) % DIRECTIONS)[:, None])[:, 0]
    return torch.stack([longest, across], 1)


def crossings(
    levels: Float[Tensor, "m h w"],
) -> tuple[Float[Tensor, "m p"], Float[Tensor, "m p"], Bool[Tensor, "m p"]]:
    """Where each row enters and leaves the region: along the row, across the rows, and whether the row meets it at all."""
    num, height, width = levels.shape
    inside = functional.pad(levels > 0, (1, 1))
    padded = functional.pad(levels, (1, 1), value=-1.0)
    ends = []
    for flipped in (False, True):
        order = padded.flip(2) if flipped else padded
        first = (inside.flip(2) if flipped else inside).float().argmax(2).clamp(min=1)  # index in the padded row
        here, before = order.gather(2, first[..., None])[..., 0], order.gather(2, first[..., None] - 1)[..., 0]
        place = first - 0.5 - here / (here - before).clamp(min=1e-6)
        ends.append(width - place if flipped else place)
    rows = (torch.arange(height, device=levels.device) + 0.5).expand(num, height)
    met = inside.any(2)
    return torch.cat(ends, 1), torch.cat([rows, rows], 1), torch.cat([met, met], 1)


def axes_of_masks(masks: Bool[Tensor, "m h w"]) -> Float[Tensor, "m 2"]:
    """Major and minor axis of the ellipse with the mask's second moments, in cells."""
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
