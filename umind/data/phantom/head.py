"""A fetal head in the axial plane: an elliptical skull with what a sonographer looks for inside."""

from __future__ import annotations

import math

import cv2
import numpy as np
from jaxtyping import Bool, Float

from umind.data.phantom.geometry import BeamGrid
from umind.data.phantom.medium import Medium
from umind.data.phantom.profile import bell, plateau
from umind.data.phantom.tissue import smooth_noise
from umind.geometry.ellipse import Ellipse
from umind.geometry.probe import Probe


def draw_head(rng: np.random.Generator, probe: Probe, field: float) -> Ellipse:
    """A random outer ellipse of the skull within the field of view, millimetres; cephalic index 0.70-0.88."""
    centre = np.array(probe.to_image(np.array(0.53), np.array(0.5)))
    major, ratio = field * rng.uniform(0.36, 0.46), rng.uniform(0.70, 0.88)
    angle = math.remainder(rng.normal(0, 0.35), math.pi)
    for _ in range(200):
        x, y = centre + field * rng.normal(0, 0.03, 2)
        ellipse = Ellipse(float(x), float(y), float(major), float(major * ratio), angle)
        if _in_view(ellipse, probe, field):
            return ellipse
        major *= 0.985
    raise AssertionError("a small head at the centre of the field of view always fits")


def _in_view(ellipse: Ellipse, probe: Probe, field: float) -> bool:
    turn = np.linspace(0, 2 * math.pi, 64, endpoint=False)
    along, across = 1.03 * ellipse.semi_major * np.cos(turn), 1.03 * ellipse.semi_minor * np.sin(turn)
    cos, sin = math.cos(ellipse.angle), math.sin(ellipse.angle)
    x, y = ellipse.x + along * cos - across * sin, ellipse.y + along * sin + across * cos
    depth, lateral = probe.to_beam(x, y)
    edge = 0.01 * field
    in_frame = (x > edge) & (x < field - edge) & (y > edge) & (y < field - edge)
    return bool((in_frame & (depth > 0.05) & (depth < 0.98) & (lateral > 0.01) & (lateral < 0.99)).all())


def mask_of_head(ellipse: Ellipse, x: Float[np.ndarray, "h w"], y: Float[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """Pixels whose centres lie within the outer ellipse."""
    along, across = _axes(ellipse, x, y)
    inside: Bool[np.ndarray, "h w"] = (along / ellipse.semi_major) ** 2 + (across / ellipse.semi_minor) ** 2 < 1
    return inside


def _axes(ellipse: Ellipse, x: Float[np.ndarray, "h w"], y: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "2 h w"]:
    """Coordinates along the longer and the shorter axis, millimetres."""
    cos, sin = np.float32(math.cos(ellipse.angle)), np.float32(math.sin(ellipse.angle))
    dx, dy = x - np.float32(ellipse.x), y - np.float32(ellipse.y)
    return np.stack([dx * cos + dy * sin, dy * cos - dx * sin])


def paint_head(medium: Medium, grid: BeamGrid, ellipse: Ellipse, rng: np.random.Generator) -> None:
    """Write the head into the medium: fluid around, skull, brain, midline.

    The skull is a specular reflector: bright where the beam meets it at a right angle, missing at the sides.
    """
    a, b = ellipse.semi_major, ellipse.semi_minor
    along, across = _axes(ellipse, grid.x, grid.y)
    level = np.sqrt((along / a) ** 2 + (across / b) ** 2) + np.float32(1e-6)
    slope_along, slope_across = along / (a * a * level), across / (b * b * level)
    slope = np.sqrt(slope_along**2 + slope_across**2) + np.float32(1e-6)
    depth_in = (1 - level) / slope  # millimetres below the skull's outer face
    cos, sin = math.cos(ellipse.angle), math.sin(ellipse.angle)
    beam_along = grid.across[0] * cos + grid.across[1] * sin
    beam_across = grid.across[1] * cos - grid.across[0] * sin
    facing = np.abs(slope_along * beam_along + slope_across * beam_across) / slope

    inside = level < 1
    shape = medium.echo.shape
    if rng.random() < 0.75:
        fluid = (level - 1) * b < b * rng.uniform(0.02, 0.10) * (1 + 1.2 * smooth_noise(rng, shape, (2, 3)))
        fluid &= ~inside
        medium.echo[fluid] = rng.uniform(-34, -22)
        medium.specular[fluid] *= 0.05
    _paint_brain(medium, along, across, inside, ellipse, np.abs(beam_across)[None], rng)

    thickness = rng.uniform(0.028, 0.045) * b
    patchy = np.clip(1 + 0.35 * smooth_noise(rng, shape, (6, 8)), 0.3, 1.8)
    bone = plateau((depth_in - 0.5 * thickness) / (0.5 * thickness))
    medium.specular[:] = medium.specular * (1 - bone) + bone * patchy * rng.uniform(5, 11) * cv2.pow(
        facing, rng.uniform(2.5, 5)
    )
    medium.echo[:] = medium.echo * (1 - bone) + bone * (4 + 12 * facing * facing - 12 * (1 - facing) * (1 - facing))
    crossing = 0.6 + 1.5 * (1 - facing)
    medium.loss[:] += bone * crossing * rng.uniform(0.7, 1.4) * np.float32(grid.axial_step / thickness)


def _paint_brain(
    medium: Medium,
    along: Float[np.ndarray, "d l"],
    across: Float[np.ndarray, "d l"],
    inside: Bool[np.ndarray, "d l"],
    ellipse: Ellipse,
    facing: Float[np.ndarray, "1 l"],
    rng: np.random.Generator,
) -> None:
    """Dark brain, falx with the cavum septi pellucidi, thalami, choroid plexus."""
    a, b, shape = ellipse.semi_major, ellipse.semi_minor, medium.echo.shape
    base = -rng.uniform(9, 15)
    brain = base + 1.6 * smooth_noise(rng, shape, (8, 8)) + 1.3 * smooth_noise(rng, shape, (20, 16))
    gyri = bell(smooth_noise(rng, shape, (16, 12)) / 0.25) * np.clip(np.abs(across) / b - 0.3, 0, 1)
    brain += rng.uniform(3, 9) * gyri
    front = float(rng.choice([-1.0, 1.0]))
    for side in (-1.0, 1.0):
        brain -= (
            rng.uniform(3, 7)
            * plateau((along + 0.02 * a * front) / (0.17 * a))
            * plateau((across - side * 0.15 * b) / (0.12 * b))
        )
        plexus = ((along + 0.42 * a * front) / (0.2 * a)) ** 2 + ((across - side * 0.3 * b) / (0.09 * b)) ** 2
        brain += rng.uniform(4, 11) * bell(plexus)
    cavum = plateau((along - 0.36 * a * front) / (0.10 * a))
    brain -= 12 * cavum * plateau(across / (0.06 * b))
    medium.echo[inside] = brain[inside]
    medium.specular[inside] = 0

    width = max(0.3, 0.012 * b)
    wobble = rng.normal(0, 0.02) * b * np.sin(along / a * 2)
    falx = bell((across - wobble) / width) * (1 - cavum) * (np.abs(along) < rng.uniform(0.72, 0.9) * a)
    walls = bell((np.abs(across - wobble) - 0.07 * b) / width) * cavum
    broken = np.clip(0.7 + 0.8 * smooth_noise(rng, shape, (3, 14)), 0, 1.5)
    medium.specular[:] += rng.uniform(0.9, 2.4) * (falx * broken + 0.8 * walls) * facing * facing * facing
    medium.echo[:] += rng.uniform(3, 7) * falx * broken
