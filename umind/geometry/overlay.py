"""Strokes that a scanner burned into the pixels: letters, calipers and marks."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Bool, Shaped, UInt8

STROKE = 0.025
"""Most that a stroke is wide, in longer sides of the image."""
CONTRAST = 70
"""Least grey levels that a stroke stands out from what is around."""
COLOUR = 60
"""Least difference of two channels in a coloured overlay; B-mode is grey."""


def find_overlay(pixels: UInt8[np.ndarray, "h w *c"], white: int) -> Bool[np.ndarray, "h w"]:
    """Pixels of thin strokes that are near-white, and of anything coloured.

    Args:
        pixels: Grey, or colour with three channels.
        white: Grey level from which a stroke counts as near-white.
    """
    return np.asarray(find_strokes(pixels, white) | find_colour(pixels))


def find_strokes(
    pixels: UInt8[np.ndarray, "h w *c"], white: int, *, width: float = STROKE, contrast: int = CONTRAST
) -> Bool[np.ndarray, "h w"]:
    """Pixels of thin strokes that are near-white, with their grey rims; thin specular echoes as bright are among them.

    Args:
        pixels: Grey, or colour with three channels.
        white: Grey level from which a stroke counts as near-white.
        width: Most that a stroke is wide, in longer sides of the image.
        contrast: Least grey levels that a stroke stands out from what is around.
    """
    brightest = channels_of(pixels).max(2)
    thin = brightest.astype(np.int16) - opened(brightest, width=width) >= contrast
    core = thin & (brightest >= white)
    _, parts = cv2.connectedComponents((thin & (brightest >= white - contrast)).astype(np.uint8), connectivity=8)
    glyphs = np.isin(parts, np.unique(parts[core]))
    return np.asarray(glyphs & (parts > 0))


def find_colour(pixels: UInt8[np.ndarray, "h w *c"]) -> Bool[np.ndarray, "h w"]:
    """Pixels whose channels differ by `COLOUR` grey levels or more."""
    channels = channels_of(pixels)
    return np.asarray(channels.max(2).astype(np.int16) - channels.min(2) >= COLOUR)


def paint_over(pixels: UInt8[np.ndarray, "h w *c"], strokes: Bool[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w *c"]:
    """Strokes and a rim of one pixel replaced from their surroundings (Telea 2004, J. Graphics Tools 9(1))."""
    if not strokes.any():
        return pixels
    painted = cv2.inpaint(pixels, cv2.dilate(strokes.astype(np.uint8), np.ones((3, 3), np.uint8)), 3, cv2.INPAINT_TELEA)
    return np.asarray(painted.reshape(pixels.shape))


def channels_of(pixels: UInt8[np.ndarray, "h w *c"]) -> Shaped[np.ndarray, "h w c"]:
    """The same pixels with a channel axis."""
    return pixels.reshape(*pixels.shape[:2], -1)


def opened(brightness: UInt8[np.ndarray, "h w"], *, width: float = STROKE) -> UInt8[np.ndarray, "h w"]:
    """What is left of an image without its strokes, which are narrower than a disc of this width in longer sides."""
    side = 2 * max(1, round(width * max(brightness.shape) / 2)) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return np.asarray(cv2.morphologyEx(brightness, cv2.MORPH_OPEN, disc))
