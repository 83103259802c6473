"""Effects that are laid over the beams of a log-compressed image, where a decibel is a number of grey levels."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import albumentations as A  # noqa: N812 (as its own documentation imports it)
import cv2
import numpy as np
from jaxtyping import Float, UInt8

from umind.geometry.beams import Beams
from umind.geometry.sector import estimate_probe

DYNAMIC_RANGE = 60.0
"""Decibels between black and white that an image is taken to span; carts show 40 to 80."""
KNEE = 16
"""Grey levels below this one change less and less: what is below black is not in the image, so black stays black."""
RESPONSE = (np.minimum(np.arange(256) / KNEE, 1) * 255 / DYNAMIC_RANGE).astype(np.float32)
"""Grey levels that a decibel adds to each grey level."""


class BeamEffect(A.ImageOnlyTransform):
    """A gain or loss along and across the beams; a subclass says how many decibels."""

    @abstractmethod
    def draw(self, beams: Beams) -> Float[np.ndarray, "h w"]:
        """Random decibels to add at every pixel."""

    def get_params_dependent_on_data(self, params: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        """Decibels at every pixel of this image."""
        return {"decibels": self.draw(beams_of(data["image"]))}

    def apply(
        self, img: UInt8[np.ndarray, "h w *c"], decibels: Float[np.ndarray, "h w"], **params: Any
    ) -> UInt8[np.ndarray, "h w *c"]:
        """The image with these decibels added."""
        return amplify(img, decibels)


def beams_of(pixels: UInt8[np.ndarray, "h w *c"]) -> Beams:
    """Estimated beams of an image."""
    return Beams.of(estimate_probe(pixels), pixels.shape[:2])


def amplify(pixels: UInt8[np.ndarray, "h w *c"], decibels: Float[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w *c"]:
    """Add decibels to a log-compressed image."""
    offset = cv2.LUT(pixels, RESPONSE).reshape(pixels.shape) * decibels.reshape(*decibels.shape, *[1] * (pixels.ndim - 2))
    return np.asarray(cv2.add(pixels, offset, dtype=cv2.CV_8U).reshape(pixels.shape))
