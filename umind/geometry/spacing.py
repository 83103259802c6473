"""Millimetres per pixel, X and Y kept apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

AGREEMENT = 1e-3
"""Relative difference up to which two lengths are the same; headers round theirs."""


@dataclass(frozen=True)
class Spacing:
    """Size of a pixel in millimetres, rows first as in DICOM's PixelSpacing.

    Args:
        dy: Millimetres between rows.
        dx: Millimetres between columns.

    Raises:
        ValueError: A value is not a finite positive number.
    """

    dy: float
    dx: float

    def __post_init__(self) -> None:
        for value in (self.dy, self.dx):
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"spacing must be positive millimetres per pixel, got ({self.dy}, {self.dx})")

    @classmethod
    def of(cls, value: Spacing | float | Sequence[float]) -> Spacing:
        """Accept a ``Spacing``, one number for square pixels, or ``(dy, dx)``, in millimetres."""
        if isinstance(value, Spacing):
            return value
        numbers = np.asarray(value, np.float64)
        if numbers.ndim == 0:
            numbers = np.repeat(numbers, 2)
        if numbers.shape != (2,):
            raise ValueError(f"spacing wants (dy, dx) in millimetres, got {value}")
        return cls(float(numbers[0]), float(numbers[1]))

    @classmethod
    def between(cls, start: Sequence[float], end: Sequence[float], *, distance: float) -> Spacing:
        """Calibrate by two points of the picture whose distance is known, such as two ticks of its depth ruler.

        Two points give one number, so that pixels are taken for square.

        Args:
            start: xy of the first point in continuous pixels.
            end: xy of the second.
            distance: Millimetres between them.

        Raises:
            ValueError: The points coincide or are no pairs of finite numbers, or the distance is not a finite positive number.
        """
        gap = np.subtract(end, start, dtype=np.float64)
        if gap.shape != (2,) or not 0 < (pixels := math.hypot(*gap)) < math.inf:
            raise ValueError(f"calibration wants two points (x, y) that lie apart, got {start} and {end}")
        return cls.of(distance / pixels)

    @property
    def is_square(self) -> bool:
        """True when both directions agree within 0.1 %."""
        return math.isclose(self.dy, self.dx, rel_tol=AGREEMENT)

    def is_close(self, other: Spacing) -> bool:
        """True when both spacings agree within 0.1 % in each direction."""
        pairs = ((self.dy, other.dy), (self.dx, other.dx))
        return all(math.isclose(mine, theirs, rel_tol=AGREEMENT) for mine, theirs in pairs)

    def resampled(self, *, rows: float, columns: float) -> Spacing:
        """Spacing after a resize to so many times the rows and columns."""
        return Spacing(self.dy / rows, self.dx / columns)
