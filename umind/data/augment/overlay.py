"""Calipers, text and marks that a scanner burned into the pixels."""

from __future__ import annotations

from typing import Any

import albumentations as A  # noqa: N812 (as its own documentation imports it)
import cv2
import numpy as np
from albumentations.core.transforms_interface import BaseTransformInitSchema
from jaxtyping import Bool, Shaped, UInt8

STROKE = 0.025
"""Most that a stroke is wide, in longer sides of the image."""
CONTRAST = 70
"""Least grey levels that a stroke stands out from what is around."""
COLOUR = 60
"""Least difference of two channels in a coloured overlay; B-mode is grey."""


class RemoveOverlay(A.ImageOnlyTransform):
    """Thin near-white or coloured strokes painted over from their surroundings (Telea 2004, J. Graphics Tools 9(1)).

    It takes thin specular echoes that are as bright for strokes, which is why no pipeline has it by default.

    Args:
        white: Grey level from which a stroke counts as near-white.
        p: Probability.
    """

    class InitSchema(BaseTransformInitSchema):
        """What the arguments have to be."""

        white: int

    def __init__(self, white: int = 215, p: float = 1.0) -> None:
        super().__init__(p=p)
        self.white = white

    def apply(self, img: UInt8[np.ndarray, "h w *c"], **params: Any) -> UInt8[np.ndarray, "h w *c"]:
        """The image without its strokes."""
        strokes = find_overlay(img, self.white).astype(np.uint8)
        if not strokes.any():
            return img
        painted = cv2.inpaint(img, cv2.dilate(strokes, np.ones((3, 3), np.uint8)), 3, cv2.INPAINT_TELEA)
        return np.asarray(painted.reshape(img.shape))


def find_overlay(pixels: UInt8[np.ndarray, "h w *c"], white: int) -> Bool[np.ndarray, "h w"]:
    """Pixels of thin strokes that are near-white, and of anything coloured.

    Args:
        pixels: Grey, or colour with three channels.
        white: Grey level from which a stroke counts as near-white.
    """
    channels: Shaped[np.ndarray, "h w c"] = pixels.reshape(*pixels.shape[:2], -1)
    brightest = channels.max(2)
    side = 2 * max(1, round(STROKE * max(brightest.shape) / 2)) + 1
    around = cv2.morphologyEx(brightest, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    thin = brightest.astype(np.int16) - around >= CONTRAST
    coloured = brightest.astype(np.int16) - channels.min(2) >= COLOUR
    core = thin & (brightest >= white)
    _, parts = cv2.connectedComponents((thin & (brightest >= white - CONTRAST)).astype(np.uint8), connectivity=8)
    glyphs = np.isin(parts, np.unique(parts[core]))
    return np.asarray((glyphs & (parts > 0)) | coloured)
