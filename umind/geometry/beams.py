"""Beam coordinates of pixels: effects of the scanner follow its beams, whatever their shape in the image."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float

from umind.geometry.probe import Probe

LATTICE = 4
"""Pixels between the points at which beam coordinates are computed; in between they are bilinear."""


@dataclass(frozen=True, eq=False)
class Beams:
    """Depth and lateral place of a lattice of points in an image, 0..1 inside the field of view.

    Args:
        depth: Fraction of the way from the probe's face to the far end, ``(h, w)``.
        lateral: Fraction of the way from the first line to the last one, ``(h, w)``.
        shape: Rows and columns of the image.
    """

    depth: Float[np.ndarray, "h w"]
    lateral: Float[np.ndarray, "h w"]
    shape: tuple[int, int]

    @classmethod
    def of(cls, probe: Probe, shape: tuple[int, int]) -> Beams:
        """Beams of a probe in pixels through an image of this many rows and columns."""
        rows, columns = (math.ceil(side / LATTICE) for side in shape)
        x = (np.arange(columns, dtype=np.float32) + 0.5) * np.float32(shape[1] / columns)
        y = (np.arange(rows, dtype=np.float32) + 0.5) * np.float32(shape[0] / rows)
        depth, lateral = probe.to_beam(*np.meshgrid(x, y)).astype(np.float32)
        return cls(depth, lateral, shape)

    def to_pixels(self, values: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "height width"]:
        """Values on the lattice, at every pixel."""
        spread: Float[np.ndarray, "height width"] = cv2.resize(
            values.astype(np.float32), self.shape[::-1], interpolation=cv2.INTER_LINEAR
        )
        return spread

    def inside(self) -> Bool[np.ndarray, "height width"]:
        """Pixels in the field of view."""
        margin = np.minimum(np.minimum(self.depth, 1 - self.depth), np.minimum(self.lateral, 1 - self.lateral))
        return np.asarray(self.to_pixels(margin) >= 0)

    def scan_convert(self, samples: Float[np.ndarray, "d l"]) -> Float[np.ndarray, "height width"]:
        """Image of an array of beam samples, row = depth and column = line; the last ones go on outside the field of view."""
        columns = self.to_pixels(self.lateral * np.float32(samples.shape[1]) - np.float32(0.5))
        rows = self.to_pixels(self.depth * np.float32(samples.shape[0]) - np.float32(0.5))
        image: Float[np.ndarray, "height width"] = cv2.remap(
            samples, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return image
