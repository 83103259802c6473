"""The width of the drawn line is found again, and the circumference is right without it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.drawn_line import PUBLISHED_WIDTH, errors, half_line
from benchmarks.tables import drawn_line_table
from umind.geometry.ellipse import Ellipse
from umind.geometry.spacing import Spacing
from umind.schema.image import UltrasoundImage
from umind.schema.sample import Sample, Structure

MM, HALF = 0.2, 1.5


def head(seed: int) -> Sample:
    """A head whose mask reaches 1.5 published pixels too far, in a copy of half the published size."""
    rng = np.random.default_rng(seed)
    a, b, angle = rng.uniform(110, 130), rng.uniform(85, 105), rng.uniform(-math.pi / 2, math.pi / 2)
    ys, xs = np.mgrid[:300, : PUBLISHED_WIDTH // 2] + 0.5
    along = (xs - 200) * math.cos(angle) + (ys - 150) * math.sin(angle)
    across = (ys - 150) * math.cos(angle) - (xs - 200) * math.sin(angle)
    more = HALF / 2
    mask = (along / (a + more)) ** 2 + (across / (b + more)) ** 2 <= 1
    image = UltrasoundImage(np.zeros((300, PUBLISHED_WIDTH // 2), np.uint8), spacing=Spacing.of(MM), calibration="sidecar")
    truth = Ellipse(200.0, 150.0, float(a), float(b), float(angle)).circumference * MM
    return Sample(
        image,
        key=str(seed),
        dataset="HC18",
        split="test",
        organ="fetal head",
        structures=(Structure("fetal head", masks=mask[None]),),
        measurements={"head circumference": truth},
    )


def test_half_of_the_line_is_found_and_taken_off() -> None:
    heads = [head(seed) for seed in range(12)]
    half = float(np.mean([half_line(sample) for sample in heads]))
    assert half == pytest.approx(HALF, abs=0.02)
    contour, moments, without = (
        errors("test", way, heads, half)
        for way in ("contour through pixel centres", "moments of the mask", "moments, less half the line")
    )
    assert moments["bias"] == pytest.approx(2 * math.pi * HALF / 2 * MM, rel=0.02)
    assert contour["bias"] == pytest.approx(moments["bias"] - math.pi * MM, rel=0.25)  # centres lie half a pixel inside
    assert without["mae"] < 0.03
    assert (moments["num"], moments["mae"]) == (12, pytest.approx(moments["bias"]))
    card = {"half_line_published_px": half, "splits": [moments]}
    assert "| test | moments of the mask | 12 |" in drawn_line_table(card)
