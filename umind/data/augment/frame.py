"""What a view did to the plane: the affine map that points went through, and the spacing after it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from umind.geometry.ellipse import Ellipse, ellipse_from_moments
from umind.geometry.spacing import Spacing

MOST_BENT = 0.02
"""Pixels by which a point may miss the affine map."""
MOST_SHEAR = 1e-3
"""Cosine of the angle between rows and columns, in millimetres, up to which they count as perpendicular."""


def anchors(size: int) -> Float[np.ndarray, "9 2"]:
    """Points spread over a canvas, xy; what becomes of them tells the map."""
    ticks = np.array([0.1, 0.5, 0.9]) * size
    return np.stack(np.meshgrid(ticks, ticks), -1).reshape(-1, 2)


def linear_part(before: Float[np.ndarray, "n 2"], after: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "2 2"] | None:
    """Matrix A of the map ``after = A @ before + shift``; None when the points went through no such map."""
    design = np.column_stack([before, np.ones(len(before))])
    solution = np.linalg.lstsq(design, after, rcond=None)[0]  # (3, 2)
    return solution[:2].T if np.abs(design @ solution - after).max() <= MOST_BENT else None


def moved_spacing(spacing: Spacing | None, linear: Float[np.ndarray, "2 2"] | None) -> Spacing | None:
    """Millimetres per pixel after a map, of rows and columns apart.

    A step in the view is ``diag(dx, dy) A^-1`` millimetres in the tissue. There is one spacing for all steps along a row and
    one for all along a column, and lengths between them follow Pythagoras, only while rows stay at right angles to columns in
    the tissue. So turns keep a spacing of square pixels, and an even scale, a flip and a stretch of one axis keep any.

    Returns:
        None where there was none, where the map is bent, sheared, or turns pixels that are not square.
    """
    if spacing is None or linear is None:
        return None
    steps = np.diag([spacing.dx, spacing.dy]) @ np.linalg.inv(linear)  # (2, 2), columns are steps of x and of y
    dx, dy = np.linalg.norm(steps, axis=0)
    if abs(steps[:, 0] @ steps[:, 1]) > MOST_SHEAR * dx * dy:
        return None
    return Spacing(float(dy), float(dx))


def ellipse_of_axis_ends(ends: Float[np.ndarray, "4 2"]) -> Ellipse:
    """The ellipse whose axes had these ends before an affine map; afterwards they are ends of conjugate diameters.

    The map takes the covariance of the uniform ellipse with it, which is a quarter of the sum of the outer products of the
    conjugate half diameters; so the ellipse is exact for every affine map.

    Args:
        ends: xy ends of the long axis, then of the short one, as ``Ellipse.long_axis`` and ``Ellipse.short_axis`` give them.
    """
    halves = np.stack([ends[1] - ends[0], ends[3] - ends[2]]) / 2  # (2, 2)
    return ellipse_from_moments(ends.mean(0), halves.T @ halves / 4)
