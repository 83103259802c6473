"""Millimetres per pixel, X and Y kept apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


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

    @property
    def is_square(self) -> bool:
        """True when both directions agree within 0.1 %."""
        return math.isclose(self.dy, self.dx, rel_tol=1e-3)
