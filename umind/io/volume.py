"""Volumes of numbers, from NIfTI and MetaImage, as stills or clips of 8-bit slices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from jaxtyping import UInt8

from umind.geometry.spacing import Spacing
from umind.io.arrays import DEPTHS, refuse_range, scale_depth
from umind.schema.image import CalibrationSource, Clip, UltrasoundImage

MAX_VOLUME = 2**27
"""Most bytes of a volume that becomes a clip: unlike the frames of a cine its values are all held at once."""


@dataclass(frozen=True, eq=False)
class Slices:
    """Slice number to image.

    Args:
        levels: 8-bit slices, ``(S, H, W)`` or ``(S, H, W, 3)``.
        name: Of the file; names of the slices end in ``#3``.
        spacing: Millimetres per pixel.
        calibration: Source of the spacing.
        notes: What was found out about the scale.
    """

    levels: UInt8[np.ndarray, "s h w *channels"]
    name: str
    spacing: Spacing | None = field(kw_only=True)
    calibration: CalibrationSource = field(kw_only=True)
    notes: tuple[str, ...] = field(kw_only=True)

    def __call__(self, index: int) -> UltrasoundImage:
        """One slice."""
        name = f"{self.name}#{index}" if len(self.levels) > 1 else self.name
        return UltrasoundImage(
            self.levels[index], spacing=self.spacing, calibration=self.calibration, notes=self.notes, name=name
        )


def image_of_volume(
    values: npt.NDArray[Any], name: str, *, spacing: Spacing | None, given: bool, notes: tuple[str, ...] = ()
) -> UltrasoundImage | Clip:
    """A still from one slice, a `Clip` from several.

    Exactly 1 by 1 mm is what converters write into headers whose scale they do not know: ``"suspect"``.

    Args:
        values: ``(S, H, W)`` or ``(S, H, W, 3)``.
        name: Of the file.
        spacing: Millimetres per pixel.
        given: Whether the caller gave them.
        notes: What was found out about the scale.

    Raises:
        ValueError: Values that are no brightness.
    """
    source: CalibrationSource = "user" if given else "header" if spacing else "none"
    if source == "header" and spacing == Spacing(1.0, 1.0):
        spacing, source = None, "suspect"
        notes = (*notes, "the header says 1 by 1 mm, which converters write when they do not know the scale")
    slices = Slices(levels_of(values), name, spacing=spacing, calibration=source, notes=() if given else notes)
    return slices(0) if len(values) == 1 else Clip(slices, num_frames=len(values), name=name)


def levels_of(values: npt.NDArray[Any]) -> UInt8[np.ndarray, "*shape"]:
    """Values as 8 bits, all slices alike.

    Whole numbers from 0 on, of whatever type, are brightness of the smallest depth of 8, 10, 12 or 16 bits that holds the
    largest of the volume; other numbers are taken as 0..1.

    Raises:
        ValueError: Negative values, values above 65535, or fractions outside 0..1.
    """
    if values.dtype == np.uint8:
        return np.ascontiguousarray(values)
    if values.dtype.kind not in "uif":
        raise ValueError(f"values are {values.dtype}; wanted are numbers")
    if values.dtype.kind == "f" and not all(np.array_equal(part, np.floor(part)) for part in values):
        for part in values:
            refuse_range(part, "volume")
        return np.stack([np.round(part.clip(0, 1) * 255).astype(np.uint8) for part in values])
    low, high = values.min(), values.max()
    if low < 0 or high > 65535:
        raise ValueError(f"values lie in {low}..{high}; brightness starts at 0 and ends at 65535 or before")
    bits = next(bits for bits in DEPTHS if high < 2**bits)
    return np.stack([scale_depth(part.astype(np.uint16), bits) for part in values])


def refuse_volume(shape: Sequence[int], itemsize: int) -> None:
    """Refuse a volume that is empty or too large to be held at once.

    Args:
        shape: Numbers of values.
        itemsize: Bytes of one of them.

    Raises:
        ValueError: It is.
    """
    if min(shape) < 1:
        raise ValueError(f"a volume of {tuple(shape)} values")
    if math.prod(shape) * itemsize > MAX_VOLUME:
        raise ValueError(f"a volume of {tuple(shape)} values is more than the {MAX_VOLUME:,} bytes that are held at once")
