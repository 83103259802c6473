"""Tangents to a circle, whose touching points are known."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umind.geometry.tangents import tangent_points, turn_between


@given(distance=st.floats(1.2, 6), direction=st.floats(-math.pi, math.pi))
def test_tangents_to_a_circle(distance: float, direction: float) -> None:
    turns = np.linspace(0, 2 * math.pi, 2000, endpoint=False)
    circle = np.stack([3 + np.cos(turns), np.sin(turns) - 2], 1)
    point = np.array([3, -2]) + distance * np.array([math.cos(direction), math.sin(direction)])
    first, second = tangent_points(point, circle)
    middle = np.array([3.0, -2.0]) - point
    for touched, side in ((first, -1), (second, 1)):
        assert math.dist(point, touched) == pytest.approx(math.sqrt(distance**2 - 1), rel=0.02)
        assert turn_between(middle, touched - point) == pytest.approx(side * math.asin(1 / distance), abs=0.01)


def test_no_tangent_from_inside() -> None:
    square = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0]])
    with pytest.raises(ValueError, match="inside"):
        tangent_points(np.array([2.0, 1.0]), square)


def test_turn_is_signed_from_x_towards_y() -> None:
    right, down = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    assert turn_between(right, down) == pytest.approx(math.pi / 2)
    assert turn_between(down, right) == pytest.approx(-math.pi / 2)
    assert turn_between(right, -right) == pytest.approx(math.pi)
