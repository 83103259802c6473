"""Loss of echo with depth."""

from __future__ import annotations

import numpy as np
from albumentations.core.transforms_interface import BaseTransformInitSchema
from jaxtyping import Float

from umind.data.augment.beam_effect import BeamEffect
from umind.geometry.beams import Beams


class Attenuation(BeamEffect):
    """More attenuation than the gain makes up for: a loss in decibels that grows evenly with the depth.

    Tissue takes about 0.5 dB a centimetre and megahertz on the way, each way; a fatty liver or a higher frequency takes more.

    Args:
        loss: Range of the loss at the far end, decibels.
        p: Probability.
    """

    class InitSchema(BaseTransformInitSchema):
        """What the arguments have to be."""

        loss: tuple[float, float]

    def __init__(self, loss: tuple[float, float] = (4, 20), p: float = 0.5) -> None:
        super().__init__(p=p)
        self.loss = loss

    def draw(self, beams: Beams) -> Float[np.ndarray, "h w"]:
        """Decibels that fall with the depth."""
        return beams.to_pixels(-self.random_generator.uniform(*self.loss) * np.clip(beams.depth, 0, 1))
