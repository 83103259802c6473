"""Speckle: the multiplicative noise of coherent imaging."""

from __future__ import annotations

import numpy as np
from albumentations.core.transforms_interface import BaseTransformInitSchema
from jaxtyping import Float

from umind.data.augment.beam_effect import BeamEffect
from umind.data.phantom.speckle import PointSpread, scatter
from umind.geometry.beams import Beams

SAMPLES, LINES = 0.6, 0.3
"""Samples down a beam and beams, in rows of the image."""
MEAN_LOG = -2.507
"""Mean of ten times the decadic logarithm of an exponential variable with mean 1: minus Euler's constant in decibels."""


class Speckle(BeamEffect):
    """Speckle of another scan on top of the image's own, with the scanner's correlation along and across the beams.

    Args:
        strength: Range of the standard deviation, decibels; speckle that nothing smooths has 5.57.
        p: Probability.
    """

    class InitSchema(BaseTransformInitSchema):
        """What the arguments have to be."""

        strength: tuple[float, float]

    def __init__(self, strength: tuple[float, float] = (1, 3), p: float = 0.5) -> None:
        super().__init__(p=p)
        self.strength = strength

    def draw(self, beams: Beams) -> Float[np.ndarray, "h w"]:
        """Decibels with mean 0."""
        factor = self.random_generator.uniform(*self.strength) / 5.57
        return beams.scan_convert(draw_speckle(beams.shape[0], self.random_generator) * np.float32(factor))


def draw_speckle(num_rows: int, rng: np.random.Generator) -> Float[np.ndarray, "d l"]:
    """Fully developed speckle on the beams of an image with this many rows, decibels with mean 0 and deviation 5.57.

    The power of a circular complex Gaussian field is exponentially distributed (its root, the envelope, is Rayleigh
    distributed), and its logarithm has the same deviation at any echo level (Dutt and Greenleaf 1996, JASA 99(6)).
    """
    shape = (round(SAMPLES * num_rows), round(LINES * num_rows))
    lateral = rng.uniform(0.7, 1.2)
    spread = PointSpread(rng.uniform(0.7, 1.2), lateral, lateral * rng.uniform(1.2, 2.0), rng.uniform(0.2, 0.7))
    power = scatter(np.ones(shape, np.float32), np.zeros(shape, np.float32), spread, rng)
    decibels = np.float32(10 / np.log(10)) * np.log(power + np.float32(1e-6)) - np.float32(MEAN_LOG)
    return np.asarray(np.maximum(decibels, np.float32(-20)))
