"""Pixels after de-identification: the field of view of every frame, black around it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, UInt8
from scipy.ndimage import find_objects

from umind.deid.field import field_of_view
from umind.geometry.boxes import box_of_mask
from umind.geometry.overlay import find_colour, find_strokes, opened, paint_over
from umind.geometry.region import UltrasoundRegion
from umind.schema.errors import ImageReadError
from umind.schema.image import Clip, UltrasoundImage

Box = tuple[int, int, int, int]

WHITE = 170
"""Grey level from which a thin stroke counts as burned in; text is often light grey."""
SHARP, CONTRAST = 0.012, 120
"""Most that a stroke of a letter is wide, in longer sides, and least that it stands out; most echoes are softer."""
LASTING = 0.5
"""Share of a cine's frames in which a mark stands; echoes that are as thin and bright move on."""
WORD_GAP = 0.02
"""Letters up to this far apart are one mark, in longer sides."""
LEAST_MARK = 12
"""Pixels of stroke below which a mark is a speckle."""


@dataclass(frozen=True, eq=False)
class Curtain:
    """What is shown of every frame.

    Args:
        kept: Pixels of the field of view, ``(H, W)``.
        crop: Box (x1, y1, x2, y2) that is cut out; the whole picture when nothing is cropped.
        paint: Also paint thin bright strokes in the field of view over.
    """

    kept: Bool[np.ndarray, "h w"]
    crop: Box
    paint: bool = False

    @classmethod
    def of(cls, source: UltrasoundImage | Clip, *, crop: bool = False, paint: bool = False, box: Box | None = None) -> Curtain:
        """The curtain of a still or of all frames of a cine.

        Args:
            source: What is shown.
            crop: Cut the picture to the box around its field of view.
            paint: Also paint thin bright strokes in the field of view over.
            box: Box that is the field of view, where the search for it fails.

        Raises:
            ImageReadError: There is no field of view, or the given one lies outside of the picture.
        """
        brightest, regions = brightest_of(source)
        height, width = brightest.shape[:2]
        if box:
            x1, y1, x2, y2 = box
            if not (0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height):
                raise ImageReadError(f"{source.name}: the field {box} does not lie in its {width} x {height} pixels")
            kept = np.zeros((height, width), bool)
            kept[y1:y2, x1:x2] = True
        else:
            kept = field_of_view(brightest, regions)
        if not kept.any():
            raise ImageReadError(f"{source.name}: no field of view was found; give its box")
        return cls(kept, whole_box(kept) if crop else (0, 0, width, height), paint)

    @property
    def view(self) -> Box:
        """The box around the field of view."""
        return whole_box(self.kept)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of what is shown."""
        x1, y1, x2, y2 = self.crop
        return x2 - x1, y2 - y1

    def draw(self, pixels: UInt8[np.ndarray, "h w *c"]) -> UInt8[np.ndarray, "height width *c"]:
        """A frame behind the curtain."""
        shown = np.where(self.kept.reshape(*self.kept.shape, *[1] * (pixels.ndim - 2)), pixels, 0).astype(np.uint8)
        if self.paint:
            shown = paint_over(shown, self.strokes_in(pixels))
            shown[~self.kept] = 0
        x1, y1, x2, y2 = self.crop
        return np.ascontiguousarray(shown[y1:y2, x1:x2])

    def strokes_in(self, pixels: UInt8[np.ndarray, "h w *c"]) -> Bool[np.ndarray, "h w"]:
        """Thin strokes in the field of view of a frame, near-white or coloured."""
        coloured = find_colour(pixels).astype(np.uint8)
        strokes = find_strokes(pixels, WHITE, width=SHARP, contrast=CONTRAST)
        return np.asarray((strokes | (coloured > opened(coloured))) & self.kept)


def brightest_of(source: UltrasoundImage | Clip) -> tuple[UInt8[np.ndarray, "h w *c"], tuple[UltrasoundRegion, ...]]:
    """The brightest value of every pixel over all frames, and the regions of the first, if all lie in the picture."""
    frames = iter(frames_of(source))
    first = next(frames)
    brightest = first.pixels.copy()
    for frame in frames:
        if frame.pixels.shape != brightest.shape:
            raise ImageReadError(f"{source.name}: its frames differ in size")
        np.maximum(brightest, frame.pixels, out=brightest)
    trusted = all(region.lies_within(first.height, first.width) for region in first.regions)
    return brightest, first.regions if trusted else ()


def frames_of(source: UltrasoundImage | Clip) -> Iterator[UltrasoundImage]:
    """The frames of a cine; a still is its only one."""
    return iter(source) if isinstance(source, Clip) else iter((source,))


class Marks:
    """Counts in how many frames each pixel of the field of view is a stroke."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self._counts = np.zeros(shape, np.int32)
        self._num_frames = 0

    def add(self, strokes: Bool[np.ndarray, "h w"]) -> None:
        """One more frame."""
        self._counts += strokes
        self._num_frames += 1

    def boxes(self) -> tuple[Box, ...]:
        """Boxes of the strokes that stand in most frames, letters of a word together."""
        lasting = (self._counts >= max(1, LASTING * self._num_frames)).astype(np.uint8)
        reach = 2 * round(WORD_GAP * max(lasting.shape) / 2) + 1
        number, parts = cv2.connectedComponents(cv2.dilate(lasting, np.ones((3, reach), np.uint8)))
        parts[lasting == 0] = 0
        sizes = np.bincount(parts.ravel(), minlength=number)[1:]
        found = zip(find_objects(parts, number - 1), sizes, strict=True)
        return tuple(
            (columns.start, rows.start, columns.stop, rows.stop) for (rows, columns), size in found if size >= LEAST_MARK
        )


def whole_box(mask: Bool[np.ndarray, "h w"]) -> Box:
    """The box around a mask in whole pixels."""
    x1, y1, x2, y2 = (round(edge) for edge in box_of_mask(mask).tolist())
    return x1, y1, x2, y2
