"""Invertible maps between the pixels of a source image and a model's square input."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class FrameMap:
    """A uniform scale and a shift: ``model = source * scale + offset``, in continuous pixel coordinates (x right, y down).

    Args:
        scale: Model pixels per source pixel.
        offset_x: Model x of the source's left edge.
        offset_y: Model y of the source's top edge.
        source_height: Rows of the source image.
        source_width: Columns of the source image.
        size: Side of the square model frame.
    """

    scale: float
    offset_x: float
    offset_y: float
    source_height: int
    source_width: int
    size: int

    @classmethod
    def letterbox(cls, height: int, width: int, size: int) -> FrameMap:
        """Largest centred copy of a ``(height, width)`` image inside a ``size`` square, aspect kept."""
        scale = size / max(height, width)
        return cls(scale, (size - width * scale) / 2, (size - height * scale) / 2, height, width, size)

    @property
    def matrix(self) -> Float[np.ndarray, "2 3"]:
        """Affine source-to-model matrix for pixel *indices*, as OpenCV's warpAffine wants it (centres are at +0.5)."""
        shift = 0.5 * self.scale - 0.5
        return np.array([[self.scale, 0, self.offset_x + shift], [0, self.scale, self.offset_y + shift]], np.float64)

    def to_model(self, points: Float[np.ndarray, "*n 2"]) -> Float[np.ndarray, "*n 2"]:
        """Map xy points from source to model pixels."""
        mapped: Float[np.ndarray, "*n 2"] = np.asarray(points) * self.scale + np.array([self.offset_x, self.offset_y])
        return mapped

    def to_source(self, points: Float[np.ndarray, "*n 2"]) -> Float[np.ndarray, "*n 2"]:
        """Map xy points from model to source pixels."""
        mapped: Float[np.ndarray, "*n 2"] = (np.asarray(points) - np.array([self.offset_x, self.offset_y])) / self.scale
        return mapped
