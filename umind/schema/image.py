"""What enters the library: one image, or the frames of a clip."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from jaxtyping import UInt8

from umind.geometry.spacing import Spacing

CalibrationSource = Literal["none", "user", "dicom-region", "dicom-pixel-spacing", "sidecar", "phantom", "suspect"]


@dataclass(frozen=True, eq=False)
class UltrasoundImage:
    """One B-mode frame with its physical scale.

    Args:
        pixels: 8-bit grey ``(H, W)`` or RGB ``(H, W, 3)``; `umind.read` converts every other kind.
        spacing: Millimetres per pixel, as ``Spacing`` or ``(dy, dx)`` or one number; None when unknown.
        calibration: Where the spacing comes from; ``"user"`` when it was given here.
        name: File name or other identifier, used in messages and exports.
        tags: Acquisition facts worth keeping (manufacturer, transducer ...), JSON-safe strings.

    Raises:
        ValueError: The array has another shape or dtype, or a side of length zero.
    """

    pixels: UInt8[np.ndarray, "h w *channels"]
    spacing: Spacing | None = field(default=None, kw_only=True)
    calibration: CalibrationSource = field(default="none", kw_only=True)
    name: str = field(default="", kw_only=True)
    tags: Mapping[str, str] = field(default_factory=dict, kw_only=True)

    def __post_init__(self) -> None:
        pixels = self.pixels
        if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] != 3):
            raise ValueError(
                f"UltrasoundImage wants uint8 (H, W) or (H, W, 3), got {pixels.dtype} {pixels.shape}; umind.read converts"
            )
        if 0 in pixels.shape:
            raise ValueError(f"image of zero size: {pixels.shape}")
        if self.spacing is not None:
            object.__setattr__(self, "spacing", Spacing.of(self.spacing))
            if self.calibration == "none":
                object.__setattr__(self, "calibration", "user")

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.pixels.shape[1])

    @property
    def grey(self) -> UInt8[np.ndarray, "h w"]:
        """Luma ``(H, W)`` (ITU-R BT.601), the input of every model here."""
        if self.pixels.ndim == 2:
            return self.pixels
        luma = self.pixels @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
        return np.round(luma).astype(np.uint8)


@dataclass(frozen=True, eq=False)
class Clip:
    """Frames of a cine, decoded one at a time when iterated.

    Args:
        frame: Function from a frame number in ``[0, num_frames)`` to its image.
        num_frames: How many frames there are.
        frame_rate: Frames per second; None when the file does not say.
        name: File name or other identifier.
    """

    frame: Callable[[int], UltrasoundImage]
    num_frames: int = field(kw_only=True)
    frame_rate: float | None = field(default=None, kw_only=True)
    name: str = field(default="", kw_only=True)

    def __len__(self) -> int:
        return self.num_frames

    def __getitem__(self, index: int) -> UltrasoundImage:
        if not -self.num_frames <= index < self.num_frames:
            raise IndexError(f"frame {index} of a clip of {self.num_frames}")
        return self.frame(index % self.num_frames)

    def __iter__(self) -> Iterator[UltrasoundImage]:
        return (self.frame(index) for index in range(self.num_frames))
