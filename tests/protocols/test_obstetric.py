"""Angle of progression on a circle, where it is known, in any pose."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from umind.protocols import measure
from umind.schema.errors import UncalibratedError

SHAPE = (400, 400)


def disc(centre, radius, dy=1.0, dx=1.0):
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]] + 0.5
    return (x * dx - centre[0]) ** 2 + (y * dy - centre[1]) ** 2 < radius**2


def truth(cranial, caudal, centre, radius):
    """Angle to the middle of the head plus the angle under which its radius is seen."""
    axis, middle = np.subtract(cranial, caudal), np.subtract(centre, caudal)
    to_middle = math.acos(axis @ middle / np.linalg.norm(axis) / np.linalg.norm(middle))
    return math.degrees(to_middle + math.asin(radius / np.linalg.norm(middle)))


@settings(max_examples=25)
@given(turn=st.floats(-math.pi, math.pi), angle=st.floats(0.6, 2.0), away=st.floats(1.3, 1.8))
def test_angle_in_any_pose(turn: float, angle: float, away: float) -> None:
    """The symphysis points any way; the head lies to its left or right at the given angle."""
    caudal = np.array([200.0, 200.0])
    cranial = caudal + 60 * np.array([math.cos(turn), math.sin(turn)])
    centre = caudal + away * 70 * np.array([math.cos(turn + angle), math.sin(turn + angle)])
    points = {"pubic symphysis": [cranial, caudal]}
    result = measure("angle of progression", points=points, masks={"fetal head": disc(centre, 70)}, square=True)
    assert result.value == pytest.approx(truth(cranial, caudal, centre, 70), abs=1)


def test_masks_on_anisotropic_pixels() -> None:
    """In millimetres: the symphysis lies flat, 20 long, its right end is the caudal one; the head is a circle below."""
    dy, dx = 0.5, 0.25
    y, x = (np.mgrid[: SHAPE[0], : SHAPE[1]] + 0.5) * np.array([dy, dx])[:, None, None]
    symphysis = ((x - 30) / 10) ** 2 + ((y - 20) / 3) ** 2 < 1
    head = disc((45.0, 75.0), 30.0, dy, dx)
    masks = {"pubic symphysis": symphysis, "fetal head": head}
    result = measure("angle of progression", masks=masks, spacing=(dy, dx))
    assert result.value == pytest.approx(truth((20, 20), (40, 20), (45, 75), 30), abs=1)
    assert result.unit == "deg"
    mirrored = measure(
        "angle of progression",
        masks={name: mask[:, ::-1] for name, mask in masks.items()},
        values={"caudal side": "left"},
        spacing=(dy, dx),
    )
    assert mirrored.value == pytest.approx(result.value, abs=0.2)
    axis, tangent = result.evidence
    assert axis.end == pytest.approx(tangent.start)
    assert (axis.end[0] * dx, axis.end[1] * dy) == pytest.approx((40, 20), abs=0.3)
    with pytest.raises(UncalibratedError):
        measure("angle of progression", masks=masks)
    assert measure("angle of progression", masks=masks | {"fetal head": None}, spacing=(dy, dx)).value is None


def test_a_caudal_end_inside_the_head_is_refused() -> None:
    with pytest.raises(ValueError, match="inside"):
        measure(
            "angle of progression",
            points={"pubic symphysis": [[150, 150], [200, 200]]},
            masks={"fetal head": disc((200, 200), 60)},
            square=True,
        )
