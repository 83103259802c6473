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
