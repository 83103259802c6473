"""A carotid-like artery in the long axis: lumen, intima, media and adventitia."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from umind.data.phantom.geometry import BeamGrid
from umind.data.phantom.medium import Medium
from umind.data.phantom.profile import bell, plateau
from umind.data.phantom.tissue import smooth_noise


@dataclass(frozen=True)
class Vessel:
    """A tube across the image; millimetres, image frame.

    Args:
        x: Middle of the image.
        y: Centre of the lumen there.
        tilt: Slope of the centre line at the middle.
        bend: Curvature of the centre line, 1/mm.
        radius: Half of the lumen's height at the middle.
        taper: Change of that radius for a millimetre in x.
    """

    x: float
    y: float
    tilt: float
    bend: float
    radius: float
    taper: float

    def across(self, x: Float[np.ndarray, "h w"], y: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "2 h w"]:
        """Of every point: signed distance below the centre line, and the lumen's half height there."""
        along = x - np.float32(self.x)
        centre = self.y + self.tilt * along + 0.5 * self.bend * along**2
        slope = self.tilt + self.bend * along
        return np.stack([(y - centre) / np.sqrt(1 + slope**2), self.radius + self.taper * along])

    def mask(self, x: Float[np.ndarray, "h w"], y: Float[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
        """Pixels whose centres lie in the lumen."""
        distance, radius = self.across(x, y)
        inside: Bool[np.ndarray, "h w"] = np.abs(distance) < radius
        return inside


def draw_vessel(rng: np.random.Generator, field: float, top: float, bottom: float) -> Vessel:
    """A random artery that leaves room for its walls above and below.

    Args:
        rng: Source of randomness.
        field: Side of the square frame, millimetres.
        top: y of the probe's face.
        bottom: y of the deepest samples.
    """
    depth = bottom - top
    radius = float(np.clip(rng.uniform(2.4, 3.9), 0.06 * depth, 0.15 * depth))
    return Vessel(
        x=field / 2,
        y=float(top + depth * rng.uniform(0.38, 0.62)),
        tilt=rng.uniform(-0.14, 0.14),
        bend=rng.uniform(-0.12, 0.12) / field,
        radius=radius,
        taper=rng.uniform(-0.12, 0.12) * radius / field,
    )


def paint_vessel(medium: Medium, grid: BeamGrid, vessel: Vessel, rng: np.random.Generator) -> None:
    """Write the artery into the medium; the double line of the wall is intima and adventitia (Pignoli et al. 1986)."""
    distance, radius = vessel.across(grid.x, grid.y)
    outward = np.abs(distance) - radius  # millimetres beyond the lumen
    lumen = outward < 0
    thickness = np.float32(np.clip(rng.uniform(0.5, 0.9), 2.5 * grid.axial_step, None))
    media = (outward >= 0) & (outward < thickness)
    medium.echo[lumen] = rng.uniform(-42, -30)
    medium.specular[lumen] = 0
    haze = rng.uniform(4, 20) * np.exp(-(distance + radius) / (0.35 * radius))
    medium.echo[lumen] += haze[lumen]
    medium.echo[media] = -rng.uniform(9, 15)
    medium.specular[media] = 0
    shape = medium.echo.shape
    patchy = np.clip(1 + 0.4 * smooth_noise(rng, shape, (3, 12)), 0.2, 1.9)
    far = np.where(distance > 0, np.float32(1), np.float32(0.7))
    intima = bell((outward - 0.12 * thickness) / (0.28 * thickness))
    adventitia = plateau((outward - 1.6 * thickness) / (0.6 * thickness))
    medium.specular[:] += far * patchy * (rng.uniform(0.9, 2.2) * intima + rng.uniform(2.5, 5.0) * adventitia)
    medium.echo[:] += adventitia * rng.uniform(4, 9)
    medium.loss[lumen] -= np.float32(rng.uniform(3, 6) * grid.axial_step / (2 * vessel.radius))
