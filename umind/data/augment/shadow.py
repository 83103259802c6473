"""Acoustic shadows."""

from __future__ import annotations

import numpy as np
from albumentations.core.transforms_interface import BaseTransformInitSchema
from jaxtyping import Float

from umind.data.augment.beam_effect import BeamEffect
from umind.data.phantom.profile import bell
from umind.geometry.beams import Beams

ONSET = 0.06
"""Depth over which a shadow grows to its full loss, in depths of the field of view."""


class Shadow(BeamEffect):
    """One shadow or two, from some depth down to the far end along the beams: bone, gas, an edge, poor contact.

    They are dim rather than black, as the labels below them stay.

    Args:
        loss: Range of the loss behind what casts it, decibels.
        width: Range of the width, in widths of the field of view.
        start: Range of the depth that it starts at, in depths of the field of view; 0 and less is lost contact.
        p: Probability.
    """

    class InitSchema(BaseTransformInitSchema):
        """What the arguments have to be."""

        loss: tuple[float, float]
        width: tuple[float, float]
        start: tuple[float, float]

    def __init__(
        self,
        loss: tuple[float, float] = (4, 15),
        width: tuple[float, float] = (0.03, 0.12),
        start: tuple[float, float] = (-0.2, 0.5),
        p: float = 0.5,
    ) -> None:
        super().__init__(p=p)
        self.loss, self.width, self.start = loss, width, start

    def draw(self, beams: Beams) -> Float[np.ndarray, "h w"]:
        """Decibels that are lost in the shadows."""
        rng = self.random_generator
        lost = np.zeros_like(beams.depth)
        for _ in range(rng.integers(1, 3)):
            across = bell((beams.lateral - rng.uniform(0, 1)) / (0.5 * rng.uniform(*self.width)))
            along = np.clip((beams.depth - rng.uniform(*self.start)) / ONSET, 0, 1)
            lost += rng.uniform(*self.loss) * across * along
        return beams.to_pixels(-lost)
