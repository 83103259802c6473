"""Cysts and solid lesions: their descriptors, and how they are painted into the medium."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
from jaxtyping import Float

from umind.data.phantom.geometry import BeamGrid
from umind.data.phantom.medium import Medium
from umind.data.phantom.outline import Outline, draw_smooth, draw_spiculated
from umind.data.phantom.profile import bell, plateau
from umind.geometry.probe import Probe

LesionName = Literal["cyst", "solid lesion"]


@dataclass(frozen=True)
class LesionKind:
    """What all lesions of one name in an image share.

    Args:
        name: Canonical name.
        echogenicity: ``anechoic``, ``hypoechoic``, ``isoechoic`` (with a dark halo) or ``hyperechoic``.
        margin: ``smooth`` or ``spiculated``.
        posterior: ``enhancement``, ``shadowing`` or ``none``.
        shape: ``round``, ``oval`` or ``irregular``.
        echo: Backscatter inside, decibels relative to the tissue around (a cyst: to average tissue).
        loss: Round-trip decibels between the front and the back of a lesion; negative enhances.
    """

    name: LesionName
    echogenicity: str
    margin: str
    posterior: str
    shape: str
    echo: float
    loss: float

    @property
    def attributes(self) -> Mapping[str, str]:
        """The descriptors in the words of a report (BI-RADS, 5th edition 2013), and the class."""
        return MappingProxyType(
            {
                "echogenicity": self.echogenicity,
                "margin": self.margin,
                "posterior features": self.posterior,
                "shape": self.shape,
                "class": "malignant" if self.margin == "spiculated" else "benign",
            }
        )

    def draw_outline(self, rng: np.random.Generator, radius: float, pixel: float) -> Outline:
        """A random outline at the origin; radius and pixel in millimetres."""
        if self.margin == "spiculated":
            most = int(np.clip(2 * math.pi * radius / (9 * pixel), 8, 16))
            return draw_spiculated(rng, radius, int(rng.integers(8, most + 1)))
        return draw_smooth(rng, radius, (0.88, 1.0) if self.shape == "round" else (0.52, 0.8))


def draw_kind(rng: np.random.Generator, name: LesionName) -> LesionKind:
    """Random descriptors that go together."""
    if name == "cyst":
        shape = str(rng.choice(["round", "oval"]))
        return LesionKind(name, "anechoic", "smooth", "enhancement", shape, rng.uniform(-44, -28), -rng.uniform(5, 9))
    if rng.random() < 0.4:
        posterior = "shadowing" if rng.random() < 0.8 else "none"
        loss = rng.uniform(9, 17) if posterior == "shadowing" else 0.0
        return LesionKind(name, "hypoechoic", "spiculated", posterior, "irregular", -rng.uniform(10, 17), loss)
    echogenicity = str(rng.choice(["hypoechoic", "hyperechoic", "isoechoic"], p=[0.5, 0.3, 0.2]))
    echo = {"hypoechoic": -rng.uniform(9, 15), "hyperechoic": rng.uniform(7, 11), "isoechoic": rng.uniform(0, 2)}[echogenicity]
    posterior = str(
        rng.choice(["none", "shadowing", "enhancement"], p=[0.6, 0.2, 0.2] if echogenicity == "hypoechoic" else [0.8, 0.2, 0])
    )
    loss = {"none": 0.0, "shadowing": rng.uniform(12, 20), "enhancement": -rng.uniform(4, 6)}[posterior]
    return LesionKind(name, echogenicity, "smooth", posterior, str(rng.choice(["round", "oval"])), echo, loss)


def paint_lesion(
    medium: Medium, grid: BeamGrid, probe: Probe, outline: Outline, kind: LesionKind, rng: np.random.Generator
) -> None:
    """Write one lesion into the medium: interior, wall, edge shadows, calcifications, and what it does to the beam.

    Args:
        medium: Changed in place.
        grid: Where its samples lie.
        probe: For the direction of the beam.
        outline: Where the lesion lies, millimetres.
        kind: What it looks like.
        rng: Source of randomness.
    """
    window = outline.window(grid.x, grid.y, 0.45 * outline.reach)
    x, y = grid.x[window] - np.float32(outline.x), grid.y[window] - np.float32(outline.y)
    level, radius, angle = outline.polar(grid.x[window], grid.y[window])
    patch = Medium(medium.echo[window], medium.specular[window], medium.loss[window], medium.line_gain[window[1]])
    facing = np.abs(np.sin(angle + np.float32(probe.beam_angle(outline.x, outline.y))))  # 1 where the beam meets it head-on
    wave = np.sin(3 * angle + 5 * level + np.float32(rng.uniform(0, 6))) * np.clip(level, 0, 1)
    inside = level < 1
    front = np.clip(y / outline.reach + 1, 0, 2)  # 0 at the top, 2 at the bottom
    if kind.echogenicity == "anechoic":
        patch.echo[inside] = (kind.echo + rng.uniform(0, 14) * np.exp(-front * 4))[inside]  # reverberation of the front wall
        patch.specular[inside] = 0
    else:
        around = float(patch.echo[(level > 1) & (level < 1.35)].mean())
        interior = around + kind.echo + 0.3 * (patch.echo - around) + rng.uniform(0.8, 2.4) * wave
        softness = rng.uniform(0.08, 0.16) if kind.margin == "spiculated" else rng.uniform(0.02, 0.06)
        share = np.clip((1 - level) / np.float32(softness) + 0.5, 0, 1)
        patch.echo[:] += share * (interior - patch.echo)
        patch.specular[:] *= 1 - 0.9 * share
    _paint_margin(patch, (level - 1) * radius, level, facing, outline, kind, grid.axial_step, rng)
    if kind.posterior == "shadowing" and kind.margin == "smooth":
        _calcify(patch.echo, x, y, outline, rng)
    # a shadow starts towards the back, so that the far margin stays visible
    chord = np.float32(kind.loss * grid.axial_step / (1.6 * outline.radii.mean()))
    patch.loss[inside] += (chord * 0.75 * front * front if kind.loss > 0 else np.full_like(front, chord))[inside]


def _paint_margin(
    patch: Medium,
    outward: Float[np.ndarray, "d l"],
    level: Float[np.ndarray, "d l"],
    facing: Float[np.ndarray, "d l"],
    outline: Outline,
    kind: LesionKind,
    axial_step: float,
    rng: np.random.Generator,
) -> None:
    """Halo, wall and edge shadows of a smooth lesion, or the echogenic surround of a spiculated one."""
    if kind.margin == "spiculated":
        rim = np.clip(outward / (0.12 * outline.reach), 0, None)
        patch.echo[:] += np.where(outward > 0, np.float32(rng.uniform(2, 6)) * np.exp(-rim), 0)
        return
    thickness = max(0.25, 0.035 * outline.reach)
    if kind.echogenicity == "isoechoic":
        patch.echo[:] -= rng.uniform(9, 14) * plateau((level - 0.91) / np.float32(0.09))
    strength = {"anechoic": 3.2, "isoechoic": 0.4, "hyperechoic": 0.5}.get(kind.echogenicity, 1.0) * rng.uniform(0.6, 1.3)
    square = facing * facing
    patch.specular[:] += strength * square * square * bell((outward - 0.5 * thickness) / thickness)
    if kind.echogenicity == "anechoic":
        patch.echo[:] += 3 * bell((outward - thickness) / thickness)
    side = (1 - facing) * (1 - facing) * bell(outward / (2 * thickness))
    patch.loss[:] += 0.2 * side * (axial_step / thickness)  # refraction at the sides


def _calcify(
    echo: Float[np.ndarray, "d l"],
    x: Float[np.ndarray, "d l"],
    y: Float[np.ndarray, "d l"],
    outline: Outline,
    rng: np.random.Generator,
) -> None:
    """Bright foci about the middle; x and y are relative to the centre."""
    for _ in range(int(rng.integers(2, 6))):
        angle, part = rng.uniform(0, 2 * math.pi), rng.uniform(0.1, 0.6)
        reach = float(outline.radii[int(angle / (2 * math.pi) * len(outline.radii)) % len(outline.radii)]) * part
        size = max(0.25, rng.uniform(0.04, 0.09) * outline.reach)
        across, down = x - reach * math.cos(angle), y - reach * math.sin(angle)
        echo += rng.uniform(14, 22) * np.exp(-((across / (1.6 * size)) ** 2) - (down / size) ** 2)
