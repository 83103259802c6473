"""The contact sheet: first, middle and last frame as they were and as they are, for a person to look at."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image, ImageDraw

from umind.deid.pixels import Box
from umind.deid.record import CAUTION
from umind.viz.lettering import wrap, write
from umind.viz.palette import FAINT, FINDINGS, GROUND, TEXT

COLUMN = 560
"""Width of a picture on the sheet."""
MARGIN, LINE, LETTERS = 20, 22, 15
"""Space around pictures, height of a line and of its letters, in pixels."""
VEIL = np.array([190, 40, 30], np.float32)
"""Colour that is laid over what was blanked."""
WARNING = "The left column shows the picture as it was: do not share this sheet, and delete it after the check."


def draw_sheet(
    pairs: Sequence[tuple[str, UInt8[np.ndarray, "h w *c"], UInt8[np.ndarray, "height width *c"]]],
    *,
    kept: Bool[np.ndarray, "h w"],
    marks: Sequence[Box],
    title: str,
) -> Image.Image:
    """Frames before and after, what was blanked veiled in red on the left and marks boxed on the right.

    Args:
        pairs: Words on a frame, its pixels before and after.
        kept: Pixels that were not blanked.
        marks: Boxes of what may be letters in the pixels after.
        title: First line.

    Returns:
        RGB.
    """
    rows = [(words, fitted(veiled(before, kept)), fitted(boxed(after, marks))) for words, before, after in pairs]
    width = 2 * COLUMN + 3 * MARGIN
    lines = [line for text in (title, WARNING, CAUTION) for line in wrap(text, LETTERS, width - 2 * MARGIN)]
    heights = [max(left.height, right.height) + LINE + MARGIN for _, left, right in rows]
    sheet = Image.new("RGB", (width, MARGIN + LINE * len(lines) + MARGIN + sum(heights)), GROUND)
    pen = ImageDraw.Draw(sheet)
    for number, line in enumerate(lines):
        write(pen, (MARGIN, MARGIN + LINE * number), line, LETTERS, TEXT)
    top = 2 * MARGIN + LINE * len(lines)
    for (words, left, right), height in zip(rows, heights, strict=True):
        for x, picture, column in ((MARGIN, left, "before, blanked area red"), (2 * MARGIN + COLUMN, right, "after")):
            write(pen, (x, top - 2), f"{words}, {column}", LETTERS, FAINT)
            sheet.paste(picture, (x, top + LINE))
        top += height
    return sheet


def veiled(pixels: UInt8[np.ndarray, "h w *c"], kept: Bool[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w 3"]:
    """A frame with a veil over what was blanked, through which letters can be read."""
    shown = colour_of(pixels)
    shown[~kept] = np.round(0.6 * shown[~kept] + 0.4 * VEIL).astype(np.uint8)
    return shown


def boxed(pixels: UInt8[np.ndarray, "h w *c"], marks: Sequence[Box]) -> UInt8[np.ndarray, "h w 3"]:
    """A frame with a frame around every mark."""
    shown = colour_of(pixels)
    for x1, y1, x2, y2 in marks:
        cv2.rectangle(shown, (x1 - 3, y1 - 3), (x2 + 2, y2 + 2), FINDINGS[1], max(1, shown.shape[1] // 400))
    return shown


def colour_of(pixels: UInt8[np.ndarray, "h w *c"]) -> UInt8[np.ndarray, "h w 3"]:
    """A copy in RGB."""
    return pixels.copy() if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, 2)


def fitted(pixels: UInt8[np.ndarray, "h w 3"]) -> Image.Image:
    """A picture of a column's width."""
    height = max(1, round(pixels.shape[0] * COLUMN / pixels.shape[1]))
    return Image.fromarray(pixels).resize((COLUMN, height), Image.Resampling.LANCZOS)
