"""Sizes of a fetus."""

from __future__ import annotations

import math
from collections.abc import Callable

from umind.geometry.ellipse import Ellipse
from umind.protocols.given import Given
from umind.protocols.protocol import Input, Outcome, Protocol
from umind.schema.result import Code

HEAD = Input(name="fetal head", kinds=("mask",))
SIDES = Input(name="fetal head", kinds=("mask", "points"), points=("edge", "other edge"))
BY_TWO_DIAMETERS = "two diameters"
FORMULA = Input(name="circumference", kinds=("choice",), choices=("ellipse", BY_TWO_DIAMETERS), default="ellipse")


def circumference_of(name: str, given: Given) -> Outcome:
    """Circumference of a region's ellipse, or pi times the mean of its diameters, as some carts have it."""
    shape = given.shape(name)
    ellipse = shape.ellipse
    if given.choices["circumference"] == (BY_TWO_DIAMETERS,):
        return Outcome(math.pi * (ellipse.semi_major + ellipse.semi_minor), (shape.shown,), "by pi (d1 + d2) / 2")
    return Outcome(ellipse.circumference, (shape.shown,))


def head_circumference(given: Given) -> Outcome:
    """Circumference of the skull's outer ellipse."""
    return circumference_of("fetal head", given)


def abdominal_circumference(given: Given) -> Outcome:
    """Circumference of the abdomen's outer ellipse."""
    return circumference_of("fetal abdomen", given)


def axis_of_head(given: Given, length: Callable[[Ellipse], float]) -> Outcome:
    """An axis of the skull's ellipse, or the distance of two points that a person placed, to outer or to inner edges."""
    if SIDES.name in given.points:
        return Outcome(given.caliper(SIDES.name).length(given.spacing), note="between the points that were given")
    shape = given.shape(SIDES.name)
    return Outcome(length(shape.ellipse), (shape.shown,))


def biparietal(given: Given) -> Outcome:
    """Short axis of the skull's ellipse."""
    return axis_of_head(given, lambda ellipse: 2 * ellipse.semi_minor)


def occipitofrontal(given: Given) -> Outcome:
    """Long axis of the skull's ellipse."""
    return axis_of_head(given, lambda ellipse: 2 * ellipse.semi_major)


def cephalic_index(given: Given) -> Outcome:
    """Short axis over long axis of the skull's ellipse, in percent."""
    shape = given.shape("fetal head")
    return Outcome(100 * shape.ellipse.semi_minor / shape.ellipse.semi_major, (shape.shown,))


def caliper_protocol(
    name: str,
    words: tuple[str, ...],
    entry: Input,
    equation: str,
    code: Code | None,
    *,
    valid: tuple[float, float] | None = None,
) -> Protocol:
    """A distance between two points, or the longest diameter of a region where the input may be a mask."""

    def formula(given: Given) -> Outcome:
        caliper = given.caliper(entry.name)
        return Outcome(caliper.length(given.spacing), () if entry.name in given.points else (caliper,))

    return Protocol(
        name=name, words=words, inputs=(entry,), formula=formula, unit="mm", equation=equation, code=code, valid=valid
    )


FETAL_PROTOCOLS = (
    Protocol(
        name="head circumference",
        words=("circumference", "hc", "head circumference"),
        inputs=(HEAD, FORMULA),
        formula=head_circumference,
        unit="mm",
        equation="ellipse of the outer skull region; circumference by Ramanujan II (1914)",
        code=Code("11984-2", "LN", "Head Circumference"),
    ),
    Protocol(
        name="biparietal diameter",
        words=("biparietal", "bpd"),
        inputs=(SIDES,),
        formula=biparietal,
        unit="mm",
        equation="short axis of the skull's ellipse, outer to outer (INTERGROWTH-21st)",
        code=Code("11820-8", "LN", "Biparietal Diameter"),
    ),
    Protocol(
        name="occipitofrontal diameter",
        words=("occipitofrontal", "occipito-frontal", "ofd"),
        inputs=(SIDES,),
        formula=occipitofrontal,
        unit="mm",
        equation="long axis of the skull's ellipse, outer to outer (INTERGROWTH-21st)",
        code=Code("11851-3", "LN", "Occipital-Frontal Diameter"),
    ),
    Protocol(
        name="cephalic index",
        words=("cephalic index",),
        inputs=(HEAD,),
        formula=cephalic_index,
        unit="%",
        equation="short over long axis of the skull's ellipse; range: mean and one standard deviation (Hadlock et al. 1981)",
        needs="square pixels",
        code=Code("11823-2", "LN", "Cephalic Index"),
        valid=(74.0, 83.0),
    ),
    Protocol(
        name="abdominal circumference",
        words=("abdominal circumference", "abdomen circumference", "ac"),
        inputs=(Input(name="fetal abdomen", kinds=("mask",)), FORMULA),
        formula=abdominal_circumference,
        unit="mm",
        equation="ellipse of the outer abdominal region; circumference by Ramanujan II (1914)",
        code=Code("11979-2", "LN", "Abdominal Circumference"),
    ),
    caliper_protocol(
        "femur length",
        ("femur length", "femoral length", "fl"),
        Input(name="femur", kinds=("points", "mask"), points=("end", "other end")),
        "longest distance between the ends of the ossified shaft",
        Code("11963-6", "LN", "Femur Length"),
    ),
    caliper_protocol(
        "crown-rump length",
        ("crown-rump", "crown rump length", "crl"),
        Input(name="fetus", kinds=("points", "mask"), points=("crown", "rump")),
        "straight line from crown to rump (Robinson and Fleming 1975)",
        Code("11957-8", "LN", "Crown Rump Length"),
    ),
    caliper_protocol(
        "nuchal translucency",
        ("nuchal translucency", "nt"),
        Input(name="nuchal translucency", kinds=("points",), points=("inner border", "other inner border")),
        "inner to inner, at the widest place",
        Code("33069-6", "LN", "Nuchal Translucency"),
    ),
)
