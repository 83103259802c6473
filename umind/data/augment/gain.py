"""Gain, and its sliders along the depth (time gain compensation)."""

from __future__ import annotations

import numpy as np
from albumentations.core.transforms_interface import BaseTransformInitSchema
from jaxtyping import Float

from umind.data.augment.beam_effect import BeamEffect
from umind.geometry.beams import Beams

NUM_SLIDERS = 6


class TimeGain(BeamEffect):
    """Another overall gain, and sliders that were set less well.

    Args:
        gain: Range of the overall gain, decibels.
        slider: Standard deviation of each slider, decibels.
        p: Probability.
    """

    class InitSchema(BaseTransformInitSchema):
        """What the arguments have to be."""

        gain: tuple[float, float]
        slider: float

    def __init__(self, gain: tuple[float, float] = (-8, 10), slider: float = 2.0, p: float = 0.5) -> None:
        super().__init__(p=p)
        self.gain, self.slider = gain, slider

    def draw(self, beams: Beams) -> Float[np.ndarray, "h w"]:
        """Decibels that depend on the depth alone, linear between the sliders."""
        sliders = self.random_generator.uniform(*self.gain) + self.random_generator.normal(0, self.slider, NUM_SLIDERS)
        return beams.to_pixels(np.interp(beams.depth, np.linspace(0, 1, NUM_SLIDERS), sliders))
