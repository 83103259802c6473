"""What an operator changes: the angle of the probe, the depth and the width of the sector."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from albumentations.core.transforms_interface import BaseTransformInitSchema
from jaxtyping import Bool, Float, UInt8

from umind.data.augment.similarity import SimilarityView
from umind.geometry.beams import Beams
from umind.geometry.probe import LinearProbe, Probe, SectorProbe
from umind.geometry.sector import estimate_probe


class SectorView(SimilarityView):
    """Tissue turned about the apex of the fan, a shallower depth, and a narrower sector; black outside of the new sector.

    The tissue is turned and scaled evenly, so that spacing follows. A linear array has no apex: only depth and width change.

    Args:
        turn: Range of the turn, degrees.
        depth: Range of the new depth over the old one, 1 at most.
        opening: Range of the new opening angle (width for a linear array) over the old one, 1 at most.
        p: Probability.
    """

    class InitSchema(BaseTransformInitSchema):
        """What the arguments have to be."""

        turn: tuple[float, float]
        depth: tuple[float, float]
        opening: tuple[float, float]

    def __init__(
        self,
        turn: tuple[float, float] = (-10, 10),
        depth: tuple[float, float] = (0.75, 1),
        opening: tuple[float, float] = (0.8, 1),
        p: float = 0.5,
    ) -> None:
        super().__init__(p=p)
        self.turn, self.depth, self.opening = turn, depth, opening

    def draw(self, pixels: UInt8[np.ndarray, "h w *c"]) -> tuple[Float[np.ndarray, "3 3"], Bool[np.ndarray, "h w"]]:
        """Where the tissue goes, and the pixels of the new sector."""
        probe = estimate_probe(pixels)
        turn, depth, opening = (self.random_generator.uniform(*limits) for limits in (self.turn, self.depth, self.opening))
        matrix = scaling(1 / depth, face_of(probe))
        if isinstance(probe, SectorProbe):
            matrix = matrix @ rotation(math.radians(turn), (probe.apex_x, probe.apex_y))
        return matrix, Beams.of(shallower(probe, depth, opening), pixels.shape[:2]).inside()


def face_of(probe: Probe) -> tuple[float, float]:
    """Middle (x, y) of the probe's face."""
    if isinstance(probe, LinearProbe):
        return (probe.left + probe.right) / 2, probe.top
    return probe.apex_x, probe.apex_y + probe.face_radius


def shallower(probe: Probe, depth: float, opening: float) -> Probe:
    """The probe on a screen that shows this share of the depth at the same size, and this share of the width or angle."""
    x, y = face_of(probe)
    if isinstance(probe, LinearProbe):
        half = (probe.right - probe.left) / 2 / depth * opening
        return replace(probe, left=x - half, right=x + half)
    radius = probe.face_radius / depth
    return replace(probe, apex_y=y - radius, face_radius=radius, half_angle=probe.half_angle * opening)


def scaling(scale: float, centre: tuple[float, float]) -> Float[np.ndarray, "3 3"]:
    """Enlargement about a point."""
    x, y = centre
    return np.array([[scale, 0, x - scale * x], [0, scale, y - scale * y], [0, 0, 1]])


def rotation(angle: float, centre: tuple[float, float]) -> Float[np.ndarray, "3 3"]:
    """Turn about a point, radians from +x towards +y."""
    (x, y), c, s = centre, math.cos(angle), math.sin(angle)
    return np.array([[c, -s, x - c * x + s * y], [s, c, y - s * x - c * y], [0, 0, 1]])
