"""What enters the library: one image, or the frames of a clip."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from umind.geometry.region import UltrasoundRegion, same_spacing, spacing_in
from umind.geometry.spacing import Spacing

CalibrationSource = Literal[
    "none", "user", "dicom-region", "dicom-pixel-spacing", "header", "sidecar", "phantom", "suspect", "ruler"
]
"""Where millimetres come from. ``"header"`` is a format's own (NIfTI, MetaImage); ``"suspect"`` is a file that contradicts
itself: its scale is not used."""


@dataclass(frozen=True, eq=False)
class UltrasoundImage:
    """One B-mode frame with its physical scale.

    Args:
        pixels: 8-bit grey ``(H, W)`` or RGB ``(H, W, 3)``; `umind.read` converts every other kind.
        spacing: Millimetres per pixel of the whole picture, as ``Spacing`` or ``(dy, dx)`` or one number; None when unknown.
            With regions it is theirs: the one that all 2D regions share, else None.
        calibration: Where the spacing comes from; ``"user"`` when it was given here.
        regions: Parts of the picture with a scale of their own; empty when the whole picture has one.
        notes: What was found out about the scale and what was refused, one plain sentence each.
        name: File name or other identifier, used in messages and exports.
        tags: Acquisition facts worth keeping (manufacturer, transducer ...), JSON-safe strings.

    Raises:
        ValueError: The array has another shape or dtype, or a side of length zero; a calibrated region leaves the picture; the
            spacing contradicts the regions.
    """

    pixels: UInt8[np.ndarray, "h w *channels"]
    spacing: Spacing | None = field(default=None, kw_only=True)
    calibration: CalibrationSource = field(default="none", kw_only=True)
    regions: tuple[UltrasoundRegion, ...] = field(default=(), kw_only=True)
    notes: tuple[str, ...] = field(default=(), kw_only=True)
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
        if self.regions:
            self._take_spacing_of_regions()
        if self.calibration == "none" and (self.spacing or any(region.spacing for region in self.regions)):
            object.__setattr__(self, "calibration", "user")

    def _take_spacing_of_regions(self) -> None:
        """Refuse regions that do not fit, and let the picture have the spacing that its 2D regions share."""
        for region in self.regions:
            if region.spacing and not region.lies_within(self.height, self.width):
                raise ValueError(f"region {region.xyxy} leaves the {self.width} x {self.height} pixels; its scale cannot hold")
        shared = same_spacing([region for region in self.regions if region.kind == "2D"])
        if self.spacing and not (shared and shared.is_close(self.spacing)):
            raise ValueError(f"{self.spacing} contradicts the regions; regions=() lets one spacing hold in the whole picture")
        object.__setattr__(self, "spacing", shared)

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

    def spacing_at(self, points: Float[np.ndarray, "n 2"]) -> Spacing | None:
        """Millimetres per pixel at all the points together; None when lengths between them are in pixels.

        Without regions that is the picture's spacing; with regions that of the one calibrated 2D region that holds them all. A
        line from one scale into another, or into a strip that shows time or speed, has no millimetres.

        Args:
            points: xy in continuous pixels.
        """
        return spacing_in(self.regions, np.asarray(points, np.float64).reshape(-1, 2)) if self.regions else self.spacing

    def crop(self, xyxy: Sequence[int]) -> UltrasoundImage:
        """The picture inside a box of whole pixels; regions move along and are cut, and what they say of scale stays true.

        Args:
            xyxy: Left, top, right and bottom edge.

        Raises:
            ValueError: The box is empty or leaves the picture, or its edges are no whole numbers.
        """
        x1, y1, x2, y2 = (int(edge) for edge in xyxy)
        if [x1, y1, x2, y2] != list(xyxy) or not (0 <= x1 < x2 <= self.width and 0 <= y1 < y2 <= self.height):
            raise ValueError(f"a crop wants whole x1 < x2 and y1 < y2 within {self.width} x {self.height} pixels, got {xyxy}")
        edges = float(x1), float(y1), float(x2), float(y2)
        kept = [cut for region in self.regions if (cut := region.cropped(edges))]
        lost = bool(self.regions) and not kept
        return replace(
            self,
            pixels=np.ascontiguousarray(self.pixels[y1:y2, x1:x2]),
            spacing=None if self.regions else self.spacing,
            calibration="none" if lost and self.calibration != "suspect" else self.calibration,
            regions=tuple(kept),
            notes=(*self.notes, "the crop holds none of the picture's regions: it has no scale") if lost else self.notes,
        )

    def resize(self, height: int, width: int) -> UltrasoundImage:
        """The picture with other numbers of rows and columns; spacing and regions follow, each axis by itself.

        Raises:
            ValueError: A side is shorter than one pixel.
        """
        if height < 1 or width < 1:
            raise ValueError(f"a picture of {width} x {height} pixels is none")
        rows, columns = height / self.height, width / self.width
        method = cv2.INTER_AREA if rows < 1 or columns < 1 else cv2.INTER_LINEAR
        return replace(
            self,
            pixels=cv2.resize(self.pixels, (width, height), interpolation=method),
            spacing=self.spacing.resampled(rows=rows, columns=columns) if self.spacing and not self.regions else None,
            regions=tuple(region.resampled(rows=rows, columns=columns) for region in self.regions),
        )


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
