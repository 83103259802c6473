"""Millimetres per pixel."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umind.geometry.spacing import Spacing

lengths = st.floats(1e-3, 50)


@given(dy=lengths, dx=lengths)
def test_pairs_and_numbers(dy: float, dx: float) -> None:
    assert Spacing.of((dy, dx)) == Spacing.of([dy, dx]) == Spacing.of(Spacing(dy, dx)) == Spacing(dy, dx)
    assert Spacing.of(dy) == Spacing(dy, dy)
    assert Spacing.of(dy).is_square


@pytest.mark.parametrize("number", [np.float32(0.5), np.float64(0.5), np.array([0.5, 0.5]), np.array(0.5)])
def test_numpy_numbers(number: float) -> None:
    assert Spacing.of(number) == Spacing(0.5, 0.5)
    assert isinstance(Spacing.of(number).dy, float)


@pytest.mark.parametrize("value", [0, -0.1, math.nan, math.inf, (0.1, 0.0), (math.nan, 0.1)])
def test_no_length(value: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        Spacing.of(value)


@pytest.mark.parametrize("value", [(0.1,), (0.1, 0.1, 0.1), (), np.ones((2, 2))])
def test_wrong_count(value: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match=r"\(dy, dx\)"):
        Spacing.of(value)


def test_square_within_a_thousandth() -> None:
    assert Spacing(0.1, 0.10005).is_square
    assert not Spacing(0.1, 0.102).is_square


@given(
    x=st.floats(-500, 500), y=st.floats(-500, 500), length=st.floats(1, 900), angle=st.floats(0, 6.3), pixel=st.floats(0.01, 2)
)
def test_two_points_and_their_distance(x: float, y: float, length: float, angle: float, pixel: float) -> None:
    end = (x + length * math.cos(angle), y + length * math.sin(angle))
    found = Spacing.between((x, y), end, distance=length * pixel)
    assert found.is_square
    assert found.dy == pytest.approx(pixel)


@pytest.mark.parametrize(
    ("start", "end", "distance"),
    [
        ((1.0, 1.0), (1.0, 1.0), 5.0),
        ((1.0, 1.0), (math.nan, 1.0), 5.0),
        ((1.0, 1.0, 1.0), (2.0, 2.0, 2.0), 5.0),
        ((1.0, 1.0), (2.0, 2.0), 0.0),
        ((1.0, 1.0), (2.0, 2.0), -1.0),
        ((1.0, 1.0), (2.0, 2.0), math.inf),
    ],
)
def test_two_points_that_calibrate_nothing(start: tuple[float, ...], end: tuple[float, ...], distance: float) -> None:
    with pytest.raises(ValueError, match=r"two points|positive"):
        Spacing.between(start, end, distance=distance)


@given(dy=lengths, dx=lengths, rows=st.floats(0.1, 10), columns=st.floats(0.1, 10))
def test_resampling_keeps_lengths(dy: float, dx: float, rows: float, columns: float) -> None:
    found = Spacing(dy, dx).resampled(rows=rows, columns=columns)
    assert (found.dy * rows, found.dx * columns) == pytest.approx((dy, dx))


def test_close_in_both_directions() -> None:
    assert Spacing(0.1, 0.2).is_close(Spacing(0.10005, 0.2))
    assert not Spacing(0.1, 0.2).is_close(Spacing(0.1, 0.21))
    assert not Spacing(0.1, 0.2).is_close(Spacing(0.11, 0.2))
