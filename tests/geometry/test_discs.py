"""Discs against solids of revolution, and against rectangles."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from umind.geometry.discs import axis_of_mask, volume_of_discs, widths_along


@settings(max_examples=25)
@given(
    half_length=st.floats(30, 45),
    ratio=st.floats(0.35, 0.8),
    angle=st.floats(-math.pi / 2, math.pi / 2),
    dy=st.floats(0.3, 0.9),
    dx=st.floats(0.3, 0.9),
)
def test_spheroid_in_any_direction_on_any_pixels(half_length: float, ratio: float, angle: float, dy: float, dx: float) -> None:
    mask = ellipse(half_length, ratio * half_length, angle, dy, dx)
    axis = axis_of_mask(mask, (dy, dx))
    length = math.dist(*axis)
    widths = widths_along(mask, axis, 20, (dy, dx))
    assert length == pytest.approx(2 * half_length, rel=0.03)
    volume = 4 / 3 * math.pi * half_length * (ratio * half_length) ** 2
    assert volume_of_discs(widths, widths, length) == pytest.approx(volume, rel=0.03)


def test_widths_of_a_rectangle() -> None:
    mask = np.zeros((40, 60), bool)
    mask[10:20, 5:45] = True  # 40 columns of 0.5, 10 rows of 2
    across = widths_along(mask, np.array([[2.5, 30.0], [22.5, 30.0]]), 8, (2.0, 0.5))
    assert across == pytest.approx(np.full(8, 20.0))
    down = widths_along(mask, np.array([[10.0, 10.0], [10.0, 50.0]]), 4, (2.0, 0.5))
    assert down == pytest.approx([0, 20, 20, 0])  # rows 20 to 40 of the 10 to 50


def test_what_lies_beyond_the_ends_is_left_out() -> None:
    mask = np.ones((10, 30), bool)
    assert widths_along(mask, np.array([[10.0, 5.0], [20.0, 5.0]]), 5).sum() * 2 == pytest.approx(100)


@pytest.mark.parametrize("turned", [False, True])
def test_the_narrower_end_comes_first(turned: bool) -> None:
    """A triangle with its apex on top, or at the bottom."""
    y, x = np.mgrid[:100, :100] + 0.5
    mask = np.abs(x - 50) < (y - 5) * 0.3
    mask &= (y > 5) & (y < 95)
    mask = mask[::-1] if turned else mask
    apex, base = axis_of_mask(mask)
    assert (apex[1] > base[1]) == turned
    assert math.dist(apex, base) == pytest.approx(90, abs=3)


def test_nothing_to_slice() -> None:
    with pytest.raises(ValueError, match="empty"):
        axis_of_mask(np.zeros((5, 5), bool))
    with pytest.raises(ValueError, match="no length"):
        widths_along(np.ones((5, 5), bool), np.ones((2, 2)), 3)


def ellipse(half_length: float, half_width: float, angle: float, dy: float, dx: float) -> np.ndarray:
    ys, xs = (np.arange(int(100 / dy)) + 0.5) * dy - 50, (np.arange(int(100 / dx)) + 0.5) * dx - 50
    y, x = np.meshgrid(ys, xs, indexing="ij")
    along, across = x * math.cos(angle) + y * math.sin(angle), -x * math.sin(angle) + y * math.cos(angle)
    return (along / half_length) ** 2 + (across / half_width) ** 2 <= 1
