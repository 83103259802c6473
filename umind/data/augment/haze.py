"""Haze: reverberation and clutter near the probe, which veil what is dark."""

from __future__ import annotations

from typing import Any

import albumentations as A  # noqa: N812 (as its own documentation imports it)
import cv2
import numpy as np
from albumentations.core.transforms_interface import BaseTransformInitSchema
from jaxtyping import Float, UInt8

from umind.data.augment.beam_effect import DYNAMIC_RANGE, beams_of
from umind.data.augment.speckle import draw_speckle
from umind.geometry.beams import Beams
from umind.geometry.sector import insonified

NEPER = np.float32(np.log(10) / 10)
"""Natural logarithm of a decibel of power."""
POWER = np.exp(np.arange(256, dtype=np.float32) / 255 * DYNAMIC_RANGE * NEPER).astype(np.float32)
"""Echo power of each grey level, that of black being 1."""
MARGIN = 0.02
"""Width over which it sets in at the border of the field of view, in longer sides."""


class Haze(A.ImageOnlyTransform):
    """Clutter whose power adds to that of the echoes: it fills cysts and vessels, and bright tissue hides it.

    It is strongest at the probe, differs from beam to beam, has bands where the sound went back and forth between layers, and
    speckle of its own.

    Args:
        level: Range of its level at the probe, decibels above black.
        reach: Range of the depth at which it has faded, in depths of the field of view.
        p: Probability.
    """

    class InitSchema(BaseTransformInitSchema):
        """What the arguments have to be."""

        level: tuple[float, float]
        reach: tuple[float, float]

    def __init__(self, level: tuple[float, float] = (10, 26), reach: tuple[float, float] = (0.3, 0.8), p: float = 0.5) -> None:
        super().__init__(p=p)
        self.level, self.reach = level, reach

    def get_params_dependent_on_data(self, params: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        """Power of the clutter at every pixel of this image; 0 in the surround."""
        beams = beams_of(data["image"])
        region = (insonified(data["image"]) & beams.inside()).astype(np.float32)
        soft = 2 * MARGIN * max(beams.shape)
        edge = np.maximum(2 * cv2.blur(region, (round(soft), round(soft)), borderType=cv2.BORDER_REPLICATE) - 1, 0)
        return {"clutter": cv2.exp(self.draw(beams) * region * edge * NEPER) - 1}

    def draw(self, beams: Beams) -> Float[np.ndarray, "h w"]:
        """Decibels above black at every pixel, 0 and more."""
        rng = self.random_generator
        fading = np.clip(1 - np.maximum(beams.depth, 0) / rng.uniform(*self.reach), 0, 1) ** 1.5
        patches = cv2.resize(rng.uniform(0.6, 1, (1, 5)), (64, 1), interpolation=cv2.INTER_CUBIC)[0]
        across = np.interp(beams.lateral, np.linspace(0, 1, 64), patches)
        bands = 1 + rng.uniform(0, 0.2) * np.cos(2 * np.pi * beams.depth / rng.uniform(0.04, 0.12))
        veil = beams.to_pixels(rng.uniform(*self.level) * fading * across * bands)
        speckle = beams.scan_convert(draw_speckle(beams.shape[0], rng))
        return np.asarray(np.maximum(veil + speckle * np.minimum(veil / 10, 1), 0))

    def apply(
        self, img: UInt8[np.ndarray, "h w *c"], clutter: Float[np.ndarray, "h w"], **params: Any
    ) -> UInt8[np.ndarray, "h w *c"]:
        """The image with the clutter's power added."""
        power = cv2.LUT(img, POWER).reshape(img.shape) + clutter.reshape(*clutter.shape, *[1] * (img.ndim - 2))
        return np.asarray(cv2.convertScaleAbs(cv2.log(power), alpha=255 / (DYNAMIC_RANGE * float(NEPER))).reshape(img.shape))
