"""Discs: the long axis of a mask, its width from one end to the other, and the volume of a stack of them."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Bool, Float

from umind.geometry.ellipse import ellipse_of_mask

NUM_DISCS = 20
"""Discs of a ventricle (Lang et al. 2015, J Am Soc Echocardiogr 28:1, section I.B)."""
PARTS = 4
"""Each side of a pixel is cut into so many parts, so that a slab takes its share of a pixel that it cuts."""


def axis_of_mask(mask: Bool[np.ndarray, "h w"], scale: tuple[float, float] = (1.0, 1.0)) -> Float[np.ndarray, "2 2"]:
    """Chord of a mask along the long axis of its ellipse, the narrower end first: the apex of a ventricle.

    Where that axis misses the mask, as in a crescent, it is as long as the mask reaches along it.

    Args:
        mask: Region.
        scale: Length of a pixel in (y, x).

    Returns:
        Both xy ends, in the unit of the scale.

    Raises:
        ValueError: The mask is empty.
    """
    ellipse = ellipse_of_mask(mask, scale)
    dy, dx = scale
    centre, direction = np.array([ellipse.x, ellipse.y]), np.array([math.cos(ellipse.angle), math.sin(ellipse.angle)])
    rows, columns = mask.nonzero()
    placed = np.stack([(columns + 0.5) * dx, (rows + 0.5) * dy], 1) - centre
    along, across = placed @ direction, np.abs(placed @ [-direction[1], direction[0]])
    half = np.abs(direction) @ [dx, dy] / 2  # of a pixel along the axis; the other half is across it
    hit = across <= np.abs(direction) @ [dy, dx] / 2
    reached = along[hit] if hit.any() else along
    ends = centre + np.outer([reached.min() - half, reached.max() + half], direction)
    widths = widths_along(mask, ends, 4, scale)
    return ends if widths[0] <= widths[-1] else ends[::-1].copy()


def widths_along(
    mask: Bool[np.ndarray, "h w"], axis: Float[np.ndarray, "2 2"], num: int, scale: tuple[float, float] = (1.0, 1.0)
) -> Float[np.ndarray, "n"]:
    """Mean width of a mask in each of ``num`` equal slabs across a line: the slab's area over its thickness.

    Args:
        mask: Region.
        axis: Both xy ends of the line, in the unit of the scale.
        num: Slabs.
        scale: Length of a pixel in (y, x).
    """
    dy, dx = scale
    rows, columns = mask.nonzero()
    part = (np.arange(PARTS) + 0.5) / PARTS
    xs = (columns[:, None, None] + part[None, :, None]) * dx
    ys = (rows[:, None, None] + part[None, None, :]) * dy
    along = axis[1] - axis[0]
    length = float(np.hypot(*along))
    if length == 0:
        raise ValueError("an axis of no length has no slabs")
    places = ((xs - axis[0, 0]) * along[0] + (ys - axis[0, 1]) * along[1]) / length**2
    counts, _ = np.histogram(places, bins=num, range=(0, 1))
    return counts * (dy * dx / PARTS**2) / (length / num)


def volume_of_discs(first: Float[np.ndarray, "n"], second: Float[np.ndarray, "n"], length: float) -> float:
    """Volume of elliptic discs, each with one width from each of two planes at right angles.

    V = pi/4 * sum(a_i * b_i) * L / n (Lang et al. 2015, J Am Soc Echocardiogr 28:1, biplane method of discs).

    Args:
        first: Widths in one plane.
        second: Widths in the other; the same ones for a single plane.
        length: Height of the stack.
    """
    return float(math.pi / 4 * (first * second).sum() * length / len(first))
