"""Tangents from a point to a convex outline, and the angle between rays."""

from __future__ import annotations

import math

import cv2
import numpy as np
from jaxtyping import Float


def tangent_points(point: Float[np.ndarray, "2"], hull: Float[np.ndarray, "k 2"]) -> Float[np.ndarray, "2 2"]:
    """The two corners of a convex polygon that lines from an outer point touch.

    Args:
        point: xy.
        hull: Corners xy.

    Returns:
        The corner at the most negative turn from the hull's middle, then the one at the most positive.

    Raises:
        ValueError: The point lies inside the polygon.
    """
    x, y = (float(one) for one in point)
    if cv2.pointPolygonTest(hull.astype(np.float32), (x, y), measureDist=False) >= 0:
        raise ValueError("a point inside an outline has no tangent to it")
    rays = hull - point
    middle = rays.mean(0)
    turns = np.arctan2(middle[0] * rays[:, 1] - middle[1] * rays[:, 0], rays @ middle)
    touched: Float[np.ndarray, "2 2"] = hull[[int(turns.argmin()), int(turns.argmax())]]
    return touched


def turn_between(first: Float[np.ndarray, "2"], second: Float[np.ndarray, "2"]) -> float:
    """Signed turn from one direction to another, in radians, (-pi, pi], positive from +x towards +y."""
    return math.atan2(float(first[0] * second[1] - first[1] * second[0]), float(first @ second))
