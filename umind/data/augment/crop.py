"""The image without its surround."""

from __future__ import annotations

import numpy as np
from albumentations.core.transforms_interface import BaseTransformInitSchema
from jaxtyping import Float, UInt8

from umind.data.augment.similarity import SimilarityView
from umind.geometry.boxes import box_of_mask
from umind.geometry.sector import insonified


class CropToSector(SimilarityView):
    """The box around the field of view enlarged to the canvas, centred, its aspect kept.

    Args:
        margin: Range of the black left around it, in its longer sides.
        p: Probability.
    """

    class InitSchema(BaseTransformInitSchema):
        """What the arguments have to be."""

        margin: tuple[float, float]

    def __init__(self, margin: tuple[float, float] = (0, 0.05), p: float = 0.5) -> None:
        super().__init__(p=p)
        self.margin = margin

    def draw(self, pixels: UInt8[np.ndarray, "h w *c"]) -> tuple[Float[np.ndarray, "3 3"], None]:
        """Where the box goes; what lies beyond it is shown if there is room."""
        height, width = pixels.shape[:2]
        region = insonified(pixels)
        left, top, right, bottom = box_of_mask(region).tolist() if region.any() else (0, 0, width, height)
        border = 2 * self.random_generator.uniform(*self.margin) * max(right - left, bottom - top)
        scale = min(width / (right - left + border), height / (bottom - top + border))
        shift = np.array([width, height]) / 2 - scale * np.array([left + right, top + bottom]) / 2
        return np.array([[scale, 0, shift[0]], [0, scale, shift[1]], [0, 0, 1]]), None
