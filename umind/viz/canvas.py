"""Anti-aliased lines, fills and labels over an image that is enlarged until they are legible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt
from jaxtyping import Bool, Float, UInt8
from PIL import Image, ImageDraw

from umind.geometry.frame import FrameMap
from umind.schema.image import UltrasoundImage
from umind.viz.lettering import text_width, write
from umind.viz.palette import SHADOW, Colour

MIN_WIDTH = 640
"""Images are enlarged to this width, smaller ones being too coarse for letters."""
MAX_ENLARGED_HEIGHT = 2048
"""An image much taller than wide is enlarged up to this height only."""
SUBPIXELS = 4
"""Bits after the binary point in OpenCV's fixed-point coordinates."""
FAR = 30_000.0
"""Points are drawn no further out than this, which keeps those coordinates within 32 bits."""


class Canvas:
    """An image being drawn on. All coordinates that come in are those of the source image.

    Args:
        image: What is drawn on; it stays as it is.
    """

    def __init__(self, image: UltrasoundImage) -> None:
        enlarged = min(MIN_WIDTH / image.width, MAX_ENLARGED_HEIGHT / image.height)
        self.width = max(image.width, round(image.width * enlarged))
        self.scale = self.width / image.width
        self.height = max(image.height, round(image.height * self.scale))
        self.unit = max(self.width, MIN_WIDTH) / MIN_WIDTH
        """Pixels of the canvas for one of a canvas of the least width: lines and letters grow with the image."""
        colour = image.pixels if image.pixels.ndim == 3 else np.repeat(image.pixels[..., None], 3, 2)
        shown = Image.fromarray(np.ascontiguousarray(colour))
        if shown.size != (self.width, self.height):
            shown = shown.resize((self.width, self.height), Image.Resampling.BICUBIC)
        self.pixels: UInt8[np.ndarray, "h w 3"] = np.array(shown)
        self._taken: list[tuple[float, float, float, float]] = []
        self._labels: list[tuple[float, float, str, Colour, int]] = []

    def frame(self, source: FrameMap) -> FrameMap:
        """A map from the source image to a model's frame, as one from the canvas to that frame."""
        return replace(source, scale=source.scale / self.scale, source_height=self.height, source_width=self.width)

    def tint(self, mask: Bool[np.ndarray, "h w"], colour: Colour, opacity: float) -> None:
        """Colour the pixels of a mask at canvas size."""
        self.blend(mask.astype(np.uint8) * 255, (0, 0), colour, opacity)

    def line(
        self,
        points: Float[np.ndarray, "k 2"],
        colour: Colour,
        *,
        width: float = 1.6,
        closed: bool = False,
        on_canvas: bool = False,
    ) -> None:
        """Draw a line through xy points, with a thin dark edge that keeps it visible on bright tissue.

        Args:
            points: At least two; nothing is drawn when one is not finite.
            colour: Of the line.
            width: Of the line, in pixels of a canvas of the least width.
            closed: Back to the first point.
            on_canvas: The points are in canvas pixels already.
        """
        placed = np.asarray(points, np.float64) * (1.0 if on_canvas else self.scale)
        if len(placed) < 2 or not np.isfinite(placed).all():
            return
        placed = np.clip(placed, -FAR, FAR)
        thick = max(1, round(width * self.unit))
        reach = thick + 3
        left, top = np.floor(placed.min(0)).astype(int) - reach
        right, bottom = np.ceil(placed.max(0)).astype(int) + reach
        left, top, right, bottom = max(left, 0), max(top, 0), min(right, self.width), min(bottom, self.height)
        if left >= right or top >= bottom:
            return
        # continuous coordinates have pixel centres at +0.5, OpenCV's have them at whole numbers
        fixed = np.round((placed - (left + 0.5, top + 0.5)) * 2**SUBPIXELS).astype(np.int32)[:, None]
        for thickness, ink, opacity in ((thick + 2, SHADOW, 0.45), (thick, colour, 1.0)):
            coverage = np.zeros((bottom - top, right - left), np.uint8)
            cv2.polylines(coverage, [fixed], closed, 255, thickness, cv2.LINE_AA, SUBPIXELS)
            self.blend(coverage, (left, top), ink, opacity)

    def blend(self, coverage: UInt8[np.ndarray, "h w"], corner: tuple[int, int], colour: Colour, opacity: float) -> None:
        """Mix a colour into the canvas where coverage is above zero; the corner is the xy of its top-left pixel."""
        rows, columns = coverage.nonzero()
        share = (coverage[rows, columns].astype(np.float32) * (opacity / 255))[:, None]
        rows, columns = rows + corner[1], columns + corner[0]
        mixed = self.pixels[rows, columns] * (1 - share) + np.array(colour, np.float32) * share
        self.pixels[rows, columns] = np.round(mixed).astype(np.uint8)

    def label(self, text: str, anchors: Sequence[npt.ArrayLike], colour: Colour, *, size: float = 14) -> None:
        """Write a short text beside one of the xy points, at the first place that is free and inside the image.

        Args:
            text: One line.
            anchors: Where it may go, best first; the text stands right of and above a point, or at one of its other sides.
            colour: Of the letters.
            size: Of the letters, in pixels of a canvas of the least width.
        """
        points = [np.asarray(anchor, np.float64) * self.scale for anchor in anchors]
        points = [np.clip(point, -FAR, FAR) for point in points if np.isfinite(point).all()]
        if not text or not points:
            return
        pixels = max(9, round(size * self.unit))
        wide, high, gap = text_width(text, pixels), pixels * 1.25, 5 * self.unit
        places = [
            (x + dx, y + dy)
            for x, y in points
            for dx, dy in ((gap, -high - gap), (gap, gap), (-wide - gap, -high - gap), (-wide - gap, gap), (-wide / 2, gap))
        ]
        free = [place for place in places if self._is_inside(*place, wide, high) and self._is_free(*place, wide, high)]
        x, y = free[0] if free else places[0]
        x, y = max(min(x, self.width - wide - 2), 2), max(min(y, self.height - high - 2), 2)
        self._taken.append((x, y, x + wide, y + high))
        self._labels.append((x, y, text, colour, pixels))

    def _is_inside(self, x: float, y: float, wide: float, high: float) -> bool:
        return x >= 2 and y >= 2 and x + wide <= self.width - 2 and y + high <= self.height - 2

    def _is_free(self, x: float, y: float, wide: float, high: float) -> bool:
        return all(x >= x2 or y >= y2 or x + wide <= x1 or y + high <= y1 for x1, y1, x2, y2 in self._taken)

    def picture(self) -> Image.Image:
        """The canvas with its labels on top, RGB."""
        shown = Image.fromarray(self.pixels)
        pen = ImageDraw.Draw(shown)
        for x, y, text, colour, pixels in self._labels:
            write(pen, (x, y), text, pixels, colour, shadow=max(1, pixels // 8))
        return shown
