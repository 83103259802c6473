"""Ellipses: from a mask, to a circumference and axis ends."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float


@dataclass(frozen=True)
class Ellipse:
    """An ellipse in continuous image coordinates (x right, y down).

    Args:
        x: Centre, in pixels or millimetres, as are all lengths here.
        y: Centre.
        semi_major: Longer semi-axis.
        semi_minor: Shorter semi-axis.
        angle: Direction of the longer axis, radians from +x towards +y, in (-pi/2, pi/2].
    """

    x: float
    y: float
    semi_major: float
    semi_minor: float
    angle: float

    @property
    def circumference(self) -> float:
        """Ramanujan's second approximation (1914), relative error below 1e-4 for any cranial index."""
        a, b = self.semi_major, self.semi_minor
        if a + b == 0:
            return 0.0
        h = ((a - b) / (a + b)) ** 2
        return math.pi * (a + b) * (1 + 3 * h / (10 + math.sqrt(4 - 3 * h)))

    @property
    def area(self) -> float:
        """Enclosed area."""
        return math.pi * self.semi_major * self.semi_minor

    def stretched(self, major: float, minor: float) -> Ellipse:
        """Both axes times a factor of their own; where that makes the shorter one the longer, both become their mean."""
        a, b = self.semi_major * major, self.semi_minor * minor
        a, b = (a, b) if a >= b else ((a + b) / 2, (a + b) / 2)
        return replace(self, semi_major=a, semi_minor=b)

    @property
    def long_axis(self) -> Float[np.ndarray, "2 2"]:
        """Both xy ends of the longer axis, the leftmost first."""
        return self._ends(self.semi_major, self.angle)

    @property
    def short_axis(self) -> Float[np.ndarray, "2 2"]:
        """Both xy ends of the shorter axis, the topmost first."""
        ends = self._ends(self.semi_minor, self.angle + math.pi / 2)
        return ends[np.argsort(ends[:, 1], kind="stable")]

    def _ends(self, length: float, angle: float) -> Float[np.ndarray, "2 2"]:
        reach = length * np.array([math.cos(angle), math.sin(angle)])
        ends = np.array([self.x, self.y]) + np.stack([-reach, reach])  # (2, 2)
        return ends[np.argsort(ends[:, 0], kind="stable")]


def ellipse_from_moments(mean: Float[np.ndarray, "2"], covariance: Float[np.ndarray, "2 2"]) -> Ellipse:
    """The uniform ellipse with this xy mean and covariance: semi-axes are twice the square roots of the eigenvalues."""
    values, vectors = np.linalg.eigh(covariance)
    angle = math.atan2(vectors[1, 1], vectors[0, 1])
    angle = math.remainder(angle, math.pi)
    angle = math.pi / 2 if angle == -math.pi / 2 else angle
    minor, major = 2 * np.sqrt(np.clip(values, 0, None))
    return Ellipse(float(mean[0]), float(mean[1]), float(major), float(minor), angle)


def ellipse_of_mask(
    weights: Bool[np.ndarray, "h w"] | Float[np.ndarray, "h w"], scale: tuple[float, float] = (1.0, 1.0)
) -> Ellipse:
    """Ellipse with the mask's second moments, each pixel a unit square.

    Args:
        weights: Mask, or soft mask in 0..1.
        scale: Length of a pixel in (y, x); spacing in millimetres gives an ellipse in millimetres.

    Raises:
        ValueError: The mask is empty.
    """
    weights = weights.astype(np.float64)
    total = weights.sum()
    if total == 0:
        raise ValueError("an empty mask has no ellipse")
    dy, dx = scale
    ys = (np.arange(weights.shape[0]) + 0.5) * dy
    xs = (np.arange(weights.shape[1]) + 0.5) * dx
    mean = np.array([weights.sum(0) @ xs, weights.sum(1) @ ys]) / total
    xc, yc = xs - mean[0], ys - mean[1]
    cross = yc @ weights @ xc / total
    var_x = weights.sum(0) @ xc**2 / total + dx**2 / 12
    var_y = weights.sum(1) @ yc**2 / total + dy**2 / 12
    return ellipse_from_moments(mean, np.array([[var_x, cross], [cross, var_y]]))
