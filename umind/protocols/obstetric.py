"""Descent of the fetal head in labour."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from umind.geometry.caliper import Caliper
from umind.geometry.tangents import tangent_points, turn_between
from umind.protocols.given import Given
from umind.protocols.protocol import Input, Outcome, Protocol
from umind.schema.result import Code

HEAD, SYMPHYSIS, SIDE = "fetal head", "pubic symphysis", "caudal side"


def symphysis_ends(given: Given) -> Float[np.ndarray, "2 2"]:
    """Cranial and caudal end of the symphysis, in millimetres: as given, or of its ellipse's long axis."""
    if SYMPHYSIS in given.points:
        return given.placed(SYMPHYSIS)
    ends = given.shape(SYMPHYSIS).ellipse.long_axis  # the leftmost end first
    return ends if given.choices[SIDE] == ("right",) else ends[::-1].copy()


def angle_of_progression(given: Given) -> Outcome:
    """Angle at the symphysis' caudal end, from its long axis to the caudal one of both tangents to the skull.

    Raises:
        ValueError: The caudal end lies inside the head.
    """
    cranial, caudal = symphysis_ends(given)
    scale = np.array([given.spacing.dx, given.spacing.dy] if given.spacing else [1.0, 1.0])
    head = given.shape(HEAD)
    hull, to_middle = head.hull(), np.array([head.ellipse.x, head.ellipse.y]) - caudal
    towards = turn_between(cranial - caudal, to_middle)
    side = math.copysign(1.0, towards)
    touched = max(tangent_points(caudal, hull), key=lambda corner: side * turn_between(to_middle, corner - caudal))
    angle = abs(towards) + side * turn_between(to_middle, touched - caudal)
    lines = (line(cranial / scale, caudal / scale), line(caudal / scale, touched / scale))
    return Outcome(math.degrees(angle), lines)


def line(start: Float[np.ndarray, "2"], end: Float[np.ndarray, "2"]) -> Caliper:
    """A line between two points."""
    return Caliper((float(start[0]), float(start[1])), (float(end[0]), float(end[1])))


OBSTETRIC_PROTOCOLS = (
    Protocol(
        name="angle of progression",
        words=("angle of progression", "progression angle", "aop"),
        inputs=(
            Input(name=SYMPHYSIS, kinds=("mask", "points"), points=("cranial end", "caudal end")),
            Input(name=HEAD, kinds=("mask",)),
            Input(name=SIDE, kinds=("choice",), choices=("right", "left"), default="right"),
        ),
        formula=angle_of_progression,
        unit="deg",
        equation="long axis of the pubic symphysis to the tangent from its caudal end to the skull (ISUOG Practice Guidelines: "
        "intrapartum ultrasound, Ghi et al. 2018, Ultrasound Obstet Gynecol 52:128)",
        needs="square pixels",
        code=Code("1483009", "SCT", "Angle"),
    ),
)
