"""A region as protocols read it: its ellipse, diameters, area and discs, with what is known of their errors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float

from umind.geometry.caliper import Caliper, diameters_of_mask, hull_of_mask
from umind.geometry.discs import NUM_DISCS, axis_of_mask, widths_along
from umind.geometry.ellipse import Ellipse, ellipse_from_moments, ellipse_of_mask
from umind.geometry.masks import area_of_mask
from umind.geometry.spacing import Spacing

Mask = Bool[np.ndarray, "h w"]
Factors = tuple[float, float, float, float]
"""For the longest diameter, the perpendicular one, the major and the minor axis of the ellipse."""
AS_DRAWN: Factors = (1.0, 1.0, 1.0, 1.0)
"""The mask is the truth, or all that is known of it."""


@dataclass(frozen=True, eq=False)
class Outline:
    """A mask or an ellipse in source pixels, and what it shows; lengths in millimetres, in pixels without spacing.

    Args:
        source: Mask that is not empty, or ellipse.
        spacing: Millimetres per pixel.
    """

    source: Mask | Ellipse
    spacing: Spacing | None

    @property
    def scale(self) -> tuple[float, float]:
        """Length of a pixel in (y, x)."""
        return (self.spacing.dy, self.spacing.dx) if self.spacing else (1.0, 1.0)

    @property
    def mask(self) -> Mask:
        """The mask.

        Raises:
            ValueError: Only an ellipse was given.
        """
        if isinstance(self.source, Ellipse):
            raise ValueError("this measurement wants a mask, not an ellipse")
        return self.source

    @cached_property
    def shown(self) -> Ellipse:
        """Ellipse in source pixels."""
        return self.source if isinstance(self.source, Ellipse) else ellipse_of_mask(self.source)

    @cached_property
    def ellipse(self) -> Ellipse:
        """Ellipse in millimetres: fitted there, since a scaled fit is another one where pixels are not square."""
        if isinstance(self.source, Ellipse):
            return scaled_ellipse(self.source, self.scale)
        return ellipse_of_mask(self.source, self.scale)

    @cached_property
    def diameters(self) -> tuple[Caliper, Caliper]:
        """Longest diameter and the longest one at right angles to it, in source pixels."""
        if not isinstance(self.source, Ellipse):
            return diameters_of_mask(self.source, self.spacing)
        dy, dx = self.scale
        axes = (ends / [dx, dy] for ends in (self.ellipse.long_axis, self.ellipse.short_axis))
        first, second = (Caliper((float(a[0]), float(a[1])), (float(b[0]), float(b[1]))) for a, b in axes)
        return first, second

    @cached_property
    def area(self) -> float:
        """Area in square millimetres."""
        return self.ellipse.area if isinstance(self.source, Ellipse) else area_of_mask(self.source, self.spacing)

    @cached_property
    def long_axis(self) -> Float[np.ndarray, "2 2"]:
        """Chord along the long axis, the narrower end first, in millimetres."""
        return axis_of_mask(self.mask, self.scale)

    def widths(self, axis: Float[np.ndarray, "2 2"], num: int) -> Float[np.ndarray, "n"]:
        """Widths in so many slabs across an axis, in millimetres."""
        return widths_along(self.mask, axis, num, self.scale)

    @cached_property
    def discs(self) -> Float[np.ndarray, "n"]:
        """Widths of the discs across the long axis, in millimetres."""
        return self.widths(self.long_axis, NUM_DISCS)


@dataclass(frozen=True, eq=False)
class Shape:
    """An outline with the factors that correct its lengths, and their uncertainty.

    Args:
        outline: What is drawn; a spacing of its own, as of a second plane, stands above that of the call.
        scales: True lengths over drawn ones; areas need none.
        spreads: Relative standard deviations of the lengths; None when nothing is known of them.
        wobble: Factors of a supposed error, by which `Given.at` differentiates.
    """

    outline: Outline
    scales: Factors = AS_DRAWN
    spreads: Factors | None = None
    wobble: Factors = AS_DRAWN

    @property
    def shown(self) -> Ellipse:
        """Ellipse in source pixels."""
        return self.outline.shown.stretched(self.scales[2] * self.wobble[2], self.scales[3] * self.wobble[3])

    @property
    def ellipse(self) -> Ellipse:
        """Ellipse in millimetres."""
        return self.outline.ellipse.stretched(self.scales[2] * self.wobble[2], self.scales[3] * self.wobble[3])

    @property
    def longest(self) -> Caliper:
        """Longest diameter, in source pixels."""
        return self.outline.diameters[0].stretched(self.scales[0] * self.wobble[0])

    @property
    def perpendicular(self) -> Caliper:
        """Longest diameter at right angles to the longest, in source pixels."""
        return self.outline.diameters[1].stretched(self.scales[1] * self.wobble[1])

    def length(self, caliper: Caliper) -> float:
        """Length of a caliper in source pixels, in millimetres."""
        return caliper.length(self.outline.spacing)

    @property
    def area(self) -> float:
        """Area in square millimetres."""
        return self.outline.area * self.wobble[2] * self.wobble[3]

    def hull(self) -> Float[np.ndarray, "k 2"]:
        """Corners of the convex hull in millimetres; a supposed error of the major axis moves them away from the middle."""
        dy, dx = self.outline.scale
        corners = hull_of_mask(self.outline.mask) * [dx, dy]
        middle = np.array([self.outline.ellipse.x, self.outline.ellipse.y])
        moved: Float[np.ndarray, "k 2"] = middle + (corners - middle) * self.wobble[2]
        return moved

    def discs(self, axis: Float[np.ndarray, "2 2"] | None = None) -> tuple[Float[np.ndarray, "n"], float]:
        """Widths of the discs across an axis, the region's own when None, and the axis' length, in millimetres."""
        line = self.outline.long_axis if axis is None else axis
        widths = self.outline.discs if axis is None else self.outline.widths(axis, NUM_DISCS)
        return widths * self.wobble[3], math.dist(line[0], line[1]) * self.wobble[2]

    def drawn(self) -> Shape:
        """The shape without the factors that correct it."""
        return replace(self, scales=AS_DRAWN)

    def wobbled(self, factors: Sequence[float]) -> Shape:
        """The shape with supposed errors of its lengths."""
        first, second, major, minor = (float(factor) for factor in factors)
        return replace(self, wobble=(first, second, major, minor))


def scaled_ellipse(ellipse: Ellipse, scale: tuple[float, float]) -> Ellipse:
    """An ellipse in pixels as the ellipse that it is in millimetres."""
    turn = np.array([[math.cos(ellipse.angle), -math.sin(ellipse.angle)], [math.sin(ellipse.angle), math.cos(ellipse.angle)]])
    moments = turn @ np.diag([ellipse.semi_major**2 / 4, ellipse.semi_minor**2 / 4]) @ turn.T
    size = np.array([scale[1], scale[0]])
    return ellipse_from_moments(np.array([ellipse.x, ellipse.y]) * size, moments * np.outer(size, size))
