"""Background: skin, fat, fasciae and muscle, with the confounders that real images have."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from jaxtyping import Float

from umind.data.phantom.medium import Medium
from umind.data.phantom.profile import bell, plateau

NORM = 2.0  # what interpolation and smoothing take from the deviation
Region = Literal["superficial", "parenchyma", "uterus"]


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], cells: tuple[int, int]) -> Float[np.ndarray, "d l"]:
    """Smooth random field of about unit variance, with about this many cells down and across."""
    coarse = rng.standard_normal((cells[0] + 2, cells[1] + 2), dtype=np.float32)
    finer = (min(4 * coarse.shape[1], shape[1]), min(4 * coarse.shape[0], shape[0]))
    middle = cv2.resize(coarse, finer, interpolation=cv2.INTER_LINEAR)
    reach = (0.4 * finer[0] / coarse.shape[1], 0.4 * finer[1] / coarse.shape[0])  # rounds off the grid's directions
    middle = cv2.GaussianBlur(middle, (0, 0), sigmaX=reach[0], sigmaY=reach[1])
    return np.asarray(cv2.resize(middle * np.float32(NORM), (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR))


def draw_tissue(rng: np.random.Generator, shape: tuple[int, int], region: Region) -> Medium:
    """A random background.

    Args:
        rng: Source of randomness.
        shape: Samples a line and lines, ``(D, L)``.
        region: ``superficial`` has fat over fascia over muscle (breast, neck), ``parenchyma`` one organ under a thin wall
            (liver, thyroid), ``uterus`` a wall over soft tissue.
    """
    num_samples, num_lines = shape
    depth = ((np.arange(num_samples, dtype=np.float32) + 0.5) / num_samples)[:, None]
    medium = Medium(
        np.zeros(shape, np.float32), np.zeros(shape, np.float32), np.zeros(shape, np.float32), _line_gain(rng, num_lines)
    )
    edges = {
        "superficial": [0.03, rng.uniform(0.12, 0.26), rng.uniform(0.55, 0.75), rng.uniform(0.8, 0.95)],
        "parenchyma": [0.025, rng.uniform(0.08, 0.14), rng.uniform(0.15, 0.2)],
        "uterus": [0.03, rng.uniform(0.08, 0.13), rng.uniform(0.16, 0.24)],
    }[region]
    levels = {
        "superficial": [5.0, rng.uniform(-7, -3), rng.uniform(-1, 4), rng.uniform(-5, 0), rng.uniform(-9, -3)],
        "parenchyma": [5.0, rng.uniform(-5, -1), rng.uniform(-3, 1), rng.uniform(-2, 2)],
        "uterus": [4.0, rng.uniform(-4, 0), rng.uniform(-2, 3), rng.uniform(-3, 1)],
    }[region]
    medium.echo[:] = levels[0]
    for edge, level in zip(edges, levels[1:], strict=True):
        wave = smooth_noise(rng, (1, num_lines), (1, int(rng.integers(2, 6)))) * (0.004 if edge < 0.04 else 0.014)
        below = depth - (
            edge + rng.uniform(-0.05, 0.05) * (edge > 0.1) * np.linspace(-1, 1, num_lines, dtype=np.float32) + wave
        )
        medium.echo[below > 0] = level
        strength = rng.uniform(0.6, 3.0) * np.clip(0.6 + smooth_noise(rng, (1, num_lines), (1, 6)), 0.05, 1.6)
        medium.specular[:] += strength * bell(below / rng.uniform(0.004, 0.008))
    _texture(medium, depth, rng, region)
    _near_field(medium, depth, rng)
    return medium


def _texture(medium: Medium, depth: Float[np.ndarray, "d 1"], rng: np.random.Generator, region: Region) -> None:
    """Slow echogenicity, dark lobules with soft borders, bright curved septa, muscle striation."""
    shape = medium.echo.shape
    calm = 0.55 if region == "parenchyma" else 1.0
    medium.echo[:] += calm * (2.0 * smooth_noise(rng, shape, (3, 3)) + 1.6 * smooth_noise(rng, shape, (9, 6)))
    medium.echo[:] += 1.1 * smooth_noise(rng, shape, (36, 16))
    lobules = smooth_noise(rng, shape, (int(rng.integers(4, 9)), int(rng.integers(2, 5))))
    medium.echo[:] -= calm * rng.uniform(2, 7) * np.clip(lobules - 0.5, 0, 1.2)
    septa = smooth_noise(rng, shape, (int(rng.integers(8, 14)), int(rng.integers(2, 5)))) + 0.25 * smooth_noise(
        rng, shape, (14, 14)
    )
    fade = np.clip(smooth_noise(rng, shape, (5, 5)), 0, 1.5)
    ridge = bell(septa / rng.uniform(0.07, 0.16)) * fade
    medium.echo[:] += calm * rng.uniform(4, 12) * ridge
    medium.specular[:] += calm * rng.uniform(0, 1.4) * ridge
    if region == "parenchyma":
        _organ(medium, depth, rng)
    if region == "superficial":
        start = rng.uniform(0.5, 0.75)
        rows = smooth_noise(rng, shape, (int(rng.integers(45, 70)), 3))
        medium.echo[:] += rng.uniform(1.0, 3.5) * rows * np.clip((depth - start) / 0.06, 0, 1)


def _organ(medium: Medium, depth: Float[np.ndarray, "d 1"], rng: np.random.Generator) -> None:
    """Branches of vessels, dark tubes with soft ends and some bright walls, and sometimes a diaphragm at depth."""
    shape = medium.echo.shape
    if rng.random() < 0.7:
        course = smooth_noise(rng, shape, (int(rng.integers(3, 6)), int(rng.integers(2, 5))))
        seen = np.clip(1.5 * smooth_noise(rng, shape, (4, 4)) - 0.3, 0, 1) * np.clip((depth - 0.2) / 0.1, 0, 1)
        width = rng.uniform(0.08, 0.2)
        medium.echo[:] -= rng.uniform(8, 18) * plateau(course / width) * seen
        if rng.random() < 0.5:
            medium.echo[:] += rng.uniform(3, 8) * bell((np.abs(course) - 1.3 * width) / (0.4 * width)) * seen
    if rng.random() < 0.35:
        lateral = np.linspace(-1, 1, shape[1], dtype=np.float32)
        bow = rng.uniform(0.72, 0.9) + rng.uniform(-0.1, 0.1) * lateral - rng.uniform(0, 0.12) * lateral * lateral
        beyond = depth - bow[None]
        strength = rng.uniform(3, 9) * np.clip(0.7 + smooth_noise(rng, (1, shape[1]), (1, 5)), 0.05, 1.5)
        medium.specular[:] += strength * bell(beyond / rng.uniform(0.006, 0.012))
        medium.echo[:] -= rng.uniform(2, 8) * np.clip(beyond / 0.03, 0, 1)


def _near_field(medium: Medium, depth: Float[np.ndarray, "d 1"], rng: np.random.Generator) -> None:
    """Ring-down of the face: a few bright lines that fade within the first per cents."""
    for step in range(int(rng.integers(1, 4))):
        medium.specular[:] += rng.uniform(1, 4) * 0.5**step * bell((depth - 0.006 - 0.013 * step) / 0.004)


def _line_gain(rng: np.random.Generator, num_lines: int) -> Float[np.ndarray, "l"]:
    """Decibels by line: slow variation, weak outermost elements, sometimes poor contact at one side."""
    lateral = np.linspace(-1, 1, num_lines, dtype=np.float32)
    gain = 0.7 * smooth_noise(rng, (1, num_lines), (1, 8))[0] - rng.uniform(0, 7) * np.abs(lateral) ** 6
    if rng.random() < 0.15:
        side = float(rng.choice([-1.0, 1.0]))
        gain = gain - rng.uniform(5, 14) * np.clip((side * lateral - rng.uniform(0.72, 0.85)) / 0.12, 0, 1)
    return np.asarray(gain, np.float32)
