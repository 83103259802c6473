"""Where the beams of a probe lie in an image: linear and convex arrays, in millimetres or in pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class LinearProbe:
    """Parallel beams straight down, all lengths in one unit, millimetres or pixels, in the image frame (x right, y down).

    Args:
        left: x of the first line.
        right: x of the last line.
        top: y of the probe's face.
        depth: Length of a line.
    """

    left: float
    right: float
    top: float
    depth: float

    def to_beam(self, x: Float[np.ndarray, "*s"], y: Float[np.ndarray, "*s"]) -> Float[np.ndarray, "2 *s"]:
        """Fractions (depth, lateral) of image points; 0..1 inside the field of view."""
        return np.stack([(y - self.top) / self.depth, (x - self.left) / (self.right - self.left)])

    def to_image(self, depth: Float[np.ndarray, "*s"], lateral: Float[np.ndarray, "*s"]) -> Float[np.ndarray, "2 *s"]:
        """Image points (x, y) of fractions (depth, lateral)."""
        return np.stack([self.left + lateral * (self.right - self.left), self.top + depth * self.depth])

    def beam_angle(self, x: float, y: float) -> float:
        """Angle of the beam through a point, radians from straight down towards +x."""
        return 0.0


@dataclass(frozen=True)
class SectorProbe:
    """Beams that fan out from a virtual apex above the face, as of a convex array; one unit of length, image frame.

    Args:
        apex_x: x of the apex.
        apex_y: y of the apex, often above the image.
        face_radius: Distance from apex to the probe's face.
        depth: Length of a line.
        half_angle: Half of the opening, radians.
    """

    apex_x: float
    apex_y: float
    face_radius: float
    depth: float
    half_angle: float

    def to_beam(self, x: Float[np.ndarray, "*s"], y: Float[np.ndarray, "*s"]) -> Float[np.ndarray, "2 *s"]:
        """Fractions (depth, lateral) of image points; 0..1 inside the field of view."""
        dx, dy = x - self.apex_x, y - self.apex_y
        radius = np.sqrt(dx * dx + dy * dy)
        angle = np.arctan2(dx, dy)
        return np.stack([(radius - self.face_radius) / self.depth, 0.5 + angle / (2 * self.half_angle)])

    def to_image(self, depth: Float[np.ndarray, "*s"], lateral: Float[np.ndarray, "*s"]) -> Float[np.ndarray, "2 *s"]:
        """Image points (x, y) of fractions (depth, lateral)."""
        radius = self.face_radius + depth * self.depth
        angle = (lateral - 0.5) * 2 * self.half_angle
        return np.stack([self.apex_x + radius * np.sin(angle), self.apex_y + radius * np.cos(angle)])

    def beam_angle(self, x: float, y: float) -> float:
        """Angle of the beam through a point, radians from straight down towards +x."""
        return math.atan2(x - self.apex_x, y - self.apex_y)


Probe = LinearProbe | SectorProbe
