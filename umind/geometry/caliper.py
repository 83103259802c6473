"""Calipers: two points and the distance between them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float

from umind.geometry.spacing import Spacing


@dataclass(frozen=True)
class Caliper:
    """Two ends in continuous pixel coordinates of the source image.

    Args:
        start: First end, ``(x, y)``.
        end: Second end, ``(x, y)``.
    """

    start: tuple[float, float]
    end: tuple[float, float]

    def length(self, spacing: Spacing | None = None) -> float:
        """Distance in millimetres, or in pixels when there is no spacing."""
        dy, dx = (spacing.dy, spacing.dx) if spacing else (1.0, 1.0)
        return math.hypot((self.end[0] - self.start[0]) * dx, (self.end[1] - self.start[1]) * dy)

    def stretched(self, factor: float) -> Caliper:
        """As much longer at both ends."""
        (x1, y1), (x2, y2) = self.start, self.end
        dx, dy = (x2 - x1) * (factor - 1) / 2, (y2 - y1) * (factor - 1) / 2
        return Caliper((x1 - dx, y1 - dy), (x2 + dx, y2 + dy))


def hull_of_mask(mask: Bool[np.ndarray, "h w"]) -> Float[np.ndarray, "k 2"]:
    """Corners xy of the convex hull of the mask's pixels as unit squares; ``(0, 2)`` when the mask is empty."""
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not outlines:
        return np.zeros((0, 2), np.float32)
    centres = np.concatenate(outlines)[:, 0].astype(np.float32)
    corners = (centres[:, None] + np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float32)).reshape(-1, 2)
    hull: Float[np.ndarray, "k 2"] = cv2.convexHull(corners)[:, 0]
    return hull


def diameters_of_mask(mask: Bool[np.ndarray, "h w"], spacing: Spacing | None = None) -> tuple[Caliper, Caliper]:
    """Longest diameter and the longest chord perpendicular to it, as a lesion is measured on a cart.

    The perpendicular is searched over the convex hull. With spacing both are longest and perpendicular in millimetres.

    Raises:
        ValueError: The mask is empty.
    """
    hull = hull_of_mask(mask)
    if not len(hull):
        raise ValueError("an empty mask has no diameter")
    scale = np.array([spacing.dx, spacing.dy] if spacing else [1.0, 1.0])
    points = hull * scale
    gaps = np.linalg.norm(points[:, None] - points[None], axis=-1)
    i, j = np.unravel_index(int(gaps.argmax()), gaps.shape)
    axis = (points[j] - points[i]) / gaps[i, j]
    cross = longest_chord_across(points, axis) / scale
    longest = hull[[i, j]]
    return _caliper(longest), _caliper(cross)


def longest_chord_across(hull: Float[np.ndarray, "k 2"], axis: Float[np.ndarray, "2"]) -> Float[np.ndarray, "2 2"]:
    """Longest chord of a convex polygon at right angles to a unit vector; it starts or ends in a corner."""
    normal = np.array([-axis[1], axis[0]])
    along, across = hull @ axis, hull @ normal
    nxt = np.roll(np.arange(len(hull)), -1)
    best, chord = -1.0, np.zeros((2, 2))
    for position in along:
        low, high = np.minimum(along, along[nxt]), np.maximum(along, along[nxt])
        hit = (low <= position) & (position <= high)
        span = np.where(high > low, high - low, 1)
        weight = np.where(high > low, (position - along) * np.sign(along[nxt] - along) / span, 0)
        heights = (across + weight * (across[nxt] - across))[hit]
        if np.ptp(heights) > best:
            best = float(np.ptp(heights))
            chord = np.outer([position, position], axis) + np.outer([heights.min(), heights.max()], normal)
    return chord


def _caliper(ends: Float[np.ndarray, "2 2"]) -> Caliper:
    first, second = sorted((float(x), float(y)) for x, y in ends)
    return Caliper(first, second)
