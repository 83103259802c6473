"""Random probes, where their beam samples lie in the image, and the scan conversion between the two."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float

from umind.geometry.probe import LinearProbe, Probe, SectorProbe


@dataclass(frozen=True, eq=False)
class BeamGrid:
    """The samples of all lines before scan conversion, ``(D, L)``: row = depth, column = line.

    Args:
        x: Image x of every sample, millimetres.
        y: Image y of every sample, millimetres.
        across: Unit vector along the beam at every line, ``(2, L)`` as (x, y).
        axial_step: Millimetres between samples down a line.
    """

    x: Float[np.ndarray, "d l"]
    y: Float[np.ndarray, "d l"]
    across: Float[np.ndarray, "2 l"]
    axial_step: float

    @classmethod
    def of(cls, probe: Probe, num_samples: int, num_lines: int) -> BeamGrid:
        """Sample centres of a probe with this many samples a line and lines."""
        depth = ((np.arange(num_samples, dtype=np.float32) + 0.5) / num_samples)[:, None]
        lateral = ((np.arange(num_lines, dtype=np.float32) + 0.5) / num_lines)[None]
        x, y = probe.to_image(*np.broadcast_arrays(depth, lateral))
        along = np.stack([x[-1] - x[0], y[-1] - y[0]])
        return cls(x, y, along / np.linalg.norm(along, axis=0), probe.depth / num_samples)


@dataclass(frozen=True, eq=False)
class ScanConverter:
    """From beam samples to image pixels, bilinear.

    Args:
        columns: Line index of every pixel, ``(H, W)``.
        rows: Sample index of every pixel.
        inside: Pixels in the field of view.
    """

    columns: Float[np.ndarray, "h w"]
    rows: Float[np.ndarray, "h w"]
    inside: Bool[np.ndarray, "h w"]

    @classmethod
    def of(
        cls, probe: Probe, x: Float[np.ndarray, "h w"], y: Float[np.ndarray, "h w"], shape: tuple[int, int]
    ) -> ScanConverter:
        """Converter from a beam array of this shape to pixels at these millimetres."""
        depth, lateral = probe.to_beam(x, y)
        inside = (depth >= 0) & (depth < 1) & (lateral >= 0) & (lateral < 1)
        return cls(lateral * shape[1] - np.float32(0.5), depth * shape[0] - np.float32(0.5), inside)

    def convert(self, beam: Float[np.ndarray, "d l"]) -> Float[np.ndarray, "h w"]:
        """Image of a beam array; 0 outside the field of view."""
        image: Float[np.ndarray, "h w"] = cv2.remap(
            beam, self.columns, self.rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        image[~self.inside] = 0
        return image


def draw_linear(rng: np.random.Generator, field: float) -> LinearProbe:
    """A random linear array in a square frame whose side is ``field`` millimetres; half of them fill it."""
    if rng.random() < 0.5:
        return LinearProbe(0.0, field, 0.0, field)
    side = field * rng.uniform(0.0, 0.10, 2)
    top, bottom = field * rng.uniform(0.01, 0.09, 2)
    return LinearProbe(float(side[0]), float(field - side[1]), float(top), float(field - top - bottom))


def draw_sector(
    rng: np.random.Generator, field: float, *, half_angle: tuple[float, float] = (26, 42), overflow: float = 1.12
) -> SectorProbe:
    """A random convex array in a square frame whose side is ``field`` millimetres.

    Args:
        rng: Source of randomness.
        field: Side of the frame, millimetres.
        half_angle: Range of half of the opening, degrees.
        overflow: Largest width of the sector over the frame's; what is wider is cut.
    """
    angle = math.radians(rng.uniform(*half_angle))
    ratio = rng.uniform(0.12, 0.5)  # face radius over outer radius
    outer = (
        min(rng.uniform(0.9, 0.97) / (1 - ratio * math.cos(angle)), rng.uniform(0.98, overflow) / (2 * math.sin(angle))) * field
    )
    face = ratio * outer
    height = outer - face * math.cos(angle)
    top = (field - height) * rng.uniform(0.25, 0.6)
    apex_x = field * (0.5 + rng.uniform(-0.02, 0.02))
    return SectorProbe(float(apex_x), float(top - face * math.cos(angle)), float(face), float(outer - face), angle)
