"""Regions of an ultrasound picture, each with a scale of its own: a 2D image, an M-mode or spectral strip, a wave form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from umind.geometry.spacing import Spacing

RegionKind = Literal["2D", "M-mode", "spectral", "waveform", "graphics", "other"]
Box = tuple[float, float, float, float]
ROUNDING = 1e-6
"""Pixels by which edges of a resized region may be off."""


@dataclass(frozen=True)
class UltrasoundRegion:
    """A rectangle of the picture in which one scale holds.

    Args:
        xyxy: Left, top, right and bottom edge in continuous pixels: columns 3..7 have ``x1 = 3`` and ``x2 = 8``.
        kind: What is drawn in it. Only ``"2D"`` is a picture with millimetres on both axes.
        spacing: Millimetres per pixel; None where there are none.
        reason: Why there is no spacing; empty when there is one.

    Raises:
        ValueError: The edges are out of order, or something other than a 2D region has a spacing.
    """

    xyxy: Box
    kind: RegionKind = field(kw_only=True)
    spacing: Spacing | None = field(default=None, kw_only=True)
    reason: str = field(default="", kw_only=True)

    def __post_init__(self) -> None:
        x1, y1, x2, y2 = self.xyxy
        if not (x1 < x2 and y1 < y2):
            raise ValueError(f"a region wants x1 < x2 and y1 < y2, got {self.xyxy}")
        if self.spacing is not None and self.kind != "2D":
            raise ValueError(f"a region of kind {self.kind} has no millimetres on both axes")

    def holds(self, points: Float[np.ndarray, "n 2"]) -> Bool[np.ndarray, "n"]:
        """Which points lie in the region or on its edges."""
        x1, y1, x2, y2 = self.xyxy
        held: Bool[np.ndarray, "n"] = np.all((points >= (x1, y1)) & (points <= (x2, y2)), axis=1)
        return held

    def encloses(self, points: Float[np.ndarray, "n 2"]) -> Bool[np.ndarray, "n"]:
        """Which points lie in the region and not on its edges, which it may share with another region."""
        x1, y1, x2, y2 = self.xyxy
        enclosed: Bool[np.ndarray, "n"] = np.all((points > (x1, y1)) & (points < (x2, y2)), axis=1)
        return enclosed

    def lies_within(self, height: int, width: int) -> bool:
        """True when no edge leaves a picture of that size by more than arithmetic does."""
        x1, y1, x2, y2 = self.xyxy
        return min(x1, y1) >= -ROUNDING and x2 <= width + ROUNDING and y2 <= height + ROUNDING

    def cropped(self, xyxy: Box) -> UltrasoundRegion | None:
        """The part inside a box, in pixels from the box's corner; None when there is no such part."""
        left, top, right, bottom = xyxy
        x1, y1, x2, y2 = self.xyxy
        x1, y1, x2, y2 = max(x1, left) - left, max(y1, top) - top, min(x2, right) - left, min(y2, bottom) - top
        return replace(self, xyxy=(x1, y1, x2, y2)) if x1 < x2 and y1 < y2 else None

    def resampled(self, *, rows: float, columns: float) -> UltrasoundRegion:
        """The same region after a resize to so many times the rows and columns."""
        x1, y1, x2, y2 = self.xyxy
        spacing = self.spacing.resampled(rows=rows, columns=columns) if self.spacing else None
        return replace(self, xyxy=(x1 * columns, y1 * rows, x2 * columns, y2 * rows), spacing=spacing)


def spacing_in(regions: Sequence[UltrasoundRegion], points: Float[np.ndarray, "n 2"]) -> Spacing | None:
    """Spacing that holds at all the points; None when there is no such one.

    One calibrated region has to hold them all. Where regions lie over each other, each one that encloses a point has to be
    calibrated alike: nobody can tell which of two scales a pixel has.

    Args:
        regions: Regions of one picture.
        points: xy in continuous pixels.
    """
    holders = [region for region in regions if len(points) and region.spacing and region.holds(points).all()]
    if not holders:
        return None
    spacing = holders[0].spacing
    touched = [region for region in regions if region.encloses(points).any()]
    return spacing if same_spacing([*holders, *touched]) else None


def same_spacing(regions: Sequence[UltrasoundRegion]) -> Spacing | None:
    """The spacing of regions that are all calibrated and all alike, else None."""
    spacings = [region.spacing for region in regions]
    first = spacings[0] if spacings else None
    return first if first and all(other and first.is_close(other) for other in spacings) else None
