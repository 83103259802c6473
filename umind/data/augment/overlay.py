"""Calipers, text and marks that a scanner burned into the pixels, taken out."""

from __future__ import annotations

from typing import Any

import albumentations as A  # noqa: N812 (as its own documentation imports it)
import numpy as np
from albumentations.core.transforms_interface import BaseTransformInitSchema
from jaxtyping import UInt8

from umind.geometry.overlay import find_overlay, paint_over


class RemoveOverlay(A.ImageOnlyTransform):
    """Thin near-white or coloured strokes painted over from their surroundings.

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
        return paint_over(img, find_overlay(img, self.white))
