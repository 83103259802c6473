"""Closed star-shaped outlines, and where several of them fit into a field of view."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float

from umind.geometry.probe import Probe

NUM_ANGLES = 720


@dataclass(frozen=True, eq=False)
class Outline:
    """A radius for every direction about a centre; millimetres, image frame.

    Args:
        x: Centre.
        y: Centre.
        radii: Radius at equally spaced angles from +x towards +y, ``(720,)``.
    """

    x: float
    y: float
    radii: Float[np.ndarray, "angles"]

    @property
    def reach(self) -> float:
        """Largest radius."""
        return float(self.radii.max())

    def at(self, x: float, y: float) -> Outline:
        """The same outline elsewhere."""
        return Outline(x, y, self.radii)

    def polar(self, x: Float[np.ndarray, "h w"], y: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "3 h w"]:
        """Of every point: distance from the centre over the outline's radius there, that radius, and the angle (radians)."""
        distance, angle = cv2.cartToPolar(np.ascontiguousarray(x - self.x), np.ascontiguousarray(y - self.y))
        radius = self.radii.astype(np.float32)[(angle * np.float32(NUM_ANGLES / (2 * math.pi))).astype(np.int32) % NUM_ANGLES]
        return np.stack([distance / radius, radius, angle])

    def window(self, x: Float[np.ndarray, "h w"], y: Float[np.ndarray, "h w"], margin: float) -> tuple[slice, slice]:
        """Rows and columns of a grid that hold the outline with a margin in millimetres."""
        reach = self.reach + margin
        near = (np.abs(x - self.x) < reach) & (np.abs(y - self.y) < reach)
        rows, columns = np.flatnonzero(near.any(1)), np.flatnonzero(near.any(0))
        if not len(rows):
            return slice(0, 0), slice(0, 0)
        return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)

    def mask(self, x: Float[np.ndarray, "h w"], y: Float[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
        """Pixels whose centres lie inside; a spike's tip that loses contact on the grid is dropped."""
        mask = np.zeros(x.shape, bool)
        window = self.window(x, y, 0.0)
        inside = (self.polar(x[window], y[window])[0] < 1).astype(np.uint8)
        count, labels, stats, _ = cv2.connectedComponentsWithStats(inside, connectivity=4)
        if count > 1:
            mask[window] = labels == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
        return mask


def draw_smooth(rng: np.random.Generator, radius: float, aspect: tuple[float, float]) -> Outline:
    """An ellipse, slightly lobed, wider than tall, at the origin.

    Args:
        rng: Source of randomness.
        radius: Geometric mean of its semi-axes, millimetres.
        aspect: Range of short over long axis.
    """
    angle = np.arange(NUM_ANGLES) * (2 * math.pi / NUM_ANGLES)
    ratio = rng.uniform(*aspect)
    turned = angle - rng.normal(0, 0.25)
    ellipse = radius * math.sqrt(ratio) / np.sqrt((ratio * np.cos(turned)) ** 2 + np.sin(turned) ** 2)
    lobes = sum(rng.normal(0, 0.035 / order) * np.cos(order * angle + rng.uniform(0, 2 * math.pi)) for order in (2, 3, 4))
    return Outline(0.0, 0.0, np.asarray(ellipse * (1 + lobes), np.float32))


def draw_spiculated(rng: np.random.Generator, radius: float, num_spikes: int) -> Outline:
    """An irregular body with tapering spikes at uneven angles, at the origin.

    Args:
        rng: Source of randomness.
        radius: Mean radius of the body without its spikes, millimetres.
        num_spikes: How many spikes.
    """
    angle = np.arange(NUM_ANGLES) * (2 * math.pi / NUM_ANGLES)
    body = draw_smooth(rng, radius, (0.65, 1.0)).radii
    step = 2 * math.pi / num_spikes
    spikes = np.zeros(NUM_ANGLES)
    phase = rng.uniform(0, 2 * math.pi)
    for index in range(num_spikes):
        direction = phase + step * (index + rng.uniform(-0.42, 0.42))
        apart = np.abs(np.remainder(angle - direction + math.pi, 2 * math.pi) - math.pi)
        width = step * rng.uniform(0.45, 0.75)
        spikes = np.maximum(spikes, (0.12 + 0.5 * rng.random() ** 1.5) * np.clip(1 - apart / width, 0, 1) ** 1.3)
    bumps = sum(rng.normal(0, 0.10 / order) * np.cos(order * angle + rng.uniform(0, 2 * math.pi)) for order in (2, 3, 5, 7))
    return Outline(0.0, 0.0, np.asarray(body * (0.92 + bumps + spikes), np.float32))


def place(
    rng: np.random.Generator, outlines: Sequence[Outline], shadows: Sequence[bool], probe: Probe, field: float, gap: float
) -> tuple[Outline, ...]:
    """Move outlines apart and into the field of view; whatever does not fit shrinks a little, and is tried again.

    Args:
        rng: Source of randomness.
        outlines: What to place.
        shadows: Which of them cast a shadow, where no other may hide.
        probe: Geometry of the field of view.
        field: Side of the square frame, millimetres.
        gap: Least distance between two outlines, millimetres.
    """
    scale = 1.0
    while True:
        scaled = [Outline(0.0, 0.0, outline.radii * np.float32(scale)) for outline in outlines]
        for _ in range(6):
            placed = _try(rng, scaled, shadows, probe, field, gap)
            if placed is not None:
                return placed
        scale *= 0.93
        assert scale > 0.05, "no field of view is as crowded as that"


def _try(
    rng: np.random.Generator, outlines: Sequence[Outline], shadows: Sequence[bool], probe: Probe, field: float, gap: float
) -> tuple[Outline, ...] | None:
    done: list[Outline] = []
    for outline in outlines:
        for _ in range(25):
            x, y = probe.to_image(*rng.uniform([0.14, 0.06], [0.92, 0.94]).reshape(2, 1))[:, 0]
            candidate = outline.at(float(x), float(y))
            if not _in_view(candidate, probe, field, gap):
                continue
            if all(
                math.hypot(candidate.x - other.x, candidate.y - other.y) > candidate.reach + other.reach + gap
                and not _hides(other, candidate, probe, shadows[index], shadows[len(done)])
                for index, other in enumerate(done)
            ):
                done.append(candidate)
                break
        else:
            return None
    return tuple(done)


def _in_view(outline: Outline, probe: Probe, field: float, gap: float) -> bool:
    angle = np.linspace(0, 2 * math.pi, 24, endpoint=False)
    reach = outline.reach + gap
    x, y = outline.x + reach * np.cos(angle), outline.y + reach * np.sin(angle)
    depth, lateral = probe.to_beam(x, y)
    in_beams = (depth > 0.06) & (depth < 0.985) & (lateral > 0.02) & (lateral < 0.98)
    return bool((in_beams & (x > 0) & (x < field) & (y > 0) & (y < field)).all())


def _hides(first: Outline, second: Outline, probe: Probe, first_shadows: bool, second_shadows: bool) -> bool:
    """Whether one of two lies in the shadow of the other."""
    spans = []
    for outline in (first, second):
        _, lateral = probe.to_beam(outline.x + outline.reach * np.array([-1, 0, 1]), np.full(3, outline.y))
        spans.append(lateral)
    overlap = min(spans[0][2], spans[1][2]) - max(spans[0][0], spans[1][0])
    if overlap <= 0.25 * min(spans[0][2] - spans[0][0], spans[1][2] - spans[1][0]):
        return False
    depth, _ = probe.to_beam(np.array([first.x, second.x]), np.array([first.y, second.y]))
    return first_shadows if depth[0] < depth[1] else second_shadows
