"""Arteries: a band of known thickness in any direction, and stenoses."""

import math

import numpy as np
import pytest

from umind.protocols import measure


def band(thickness, length=24.0, angle=0.0, step=0.1):
    """A wall, in millimetres."""
    y, x = (np.mgrid[:300, :300] + 0.5) * step - 15
    along, across = x * math.cos(angle) + y * math.sin(angle), -x * math.sin(angle) + y * math.cos(angle)
    return (np.abs(along) < length / 2) & (np.abs(across) < thickness / 2)


@pytest.mark.parametrize("angle", [0.0, 0.2, -0.7])
def test_mean_thickness_in_any_direction(angle):
    result = measure("intima-media thickness", masks={"intima-media complex": band(0.8, angle=angle)}, spacing=0.1)
    assert result.value == pytest.approx(0.8, abs=0.05)
    assert (result.unit, result.in_range) == ("mm", True)


def test_maximum_is_where_the_wall_is_thick():
    wall = band(0.6)
    wall[:, 200:230] |= band(1.2)[:, 200:230]  # 3 of 24 mm
    masks = {"intima-media complex": wall}
    assert measure("maximum imt", masks=masks, spacing=0.1).value == pytest.approx(1.2, abs=0.1)
    assert measure("imt", masks=masks, spacing=0.1).value == pytest.approx(0.6 + 0.6 * 3 / 24, abs=0.05)


def test_a_short_segment_says_so():
    result = measure("imt", masks={"intima-media complex": band(0.6, length=7.0)}, spacing=0.1)
    assert result.in_range is False
    assert result.value == pytest.approx(0.6, abs=0.05)


def test_stenoses():
    values = {"residual diameter": 2.0, "reference diameter": 5.0}
    assert measure("diameter stenosis", values=values).value == pytest.approx(60)
    spread = measure("stenosis", values={"residual diameter": (2.0, 0.1), "reference diameter": (5.0, 0.2)}).spread
    assert spread == pytest.approx(100 * 0.4 * math.hypot(0.1 / 2, 0.2 / 5))
    masks = {"residual lumen": band(2.0), "vessel lumen": band(8.0)}
    assert measure("area stenosis", masks=masks).value == pytest.approx(75)  # a share of areas needs no scale


def test_lumen_is_a_caliper():
    assert measure("vessel lumen diameter", points={"lumen": [[3, 4], [3, 64]]}, spacing=0.1).value == pytest.approx(6)
