"""Lesions and organs: depth, orientation, volume; TI-RADS and BI-RADS."""

import math

import numpy as np
import pytest

from umind.protocols import BreastMass, Outline, Shape, measure, shown
from umind.protocols.tirads import BIOPSY, POINTS, advice_of, level_of
from umind.schema.result import Keypoints

SOLID = {
    "composition": "solid",
    "echogenicity": "hypoechoic",
    "shape": "wider than tall",
    "margin": "smooth",
    "echogenic foci": "none",
}


def lesion(turn=0.0, centre=(120, 90)):
    y, x = np.mgrid[:200, :240] + 0.5
    dx, dy = x - centre[0], y - centre[1]
    along, across = dx * math.cos(turn) + dy * math.sin(turn), -dx * math.sin(turn) + dy * math.cos(turn)
    return (along / 40) ** 2 + (across / 20) ** 2 < 1


@pytest.mark.parametrize(("degrees", "said"), [(10, "wider than tall"), (-30, "wider than tall"), (60, "taller than wide")])
def test_orientation(degrees, said):
    result = measure("orientation", masks={"lesion": lesion(math.radians(degrees))}, square=True)
    assert result.value == pytest.approx(abs(degrees), abs=1)
    assert said in result.method


def test_a_spread_that_does_not_reach_the_value_is_not_claimed():
    """Nothing is known of the direction of an axis, only of its length."""
    known = Shape(Outline(lesion(0.3), None), spreads=(0.02, 0.02, 0.02, 0.02))
    assert measure("orientation", masks={"lesion": known}, square=True).spread is None
    covariances = np.diag([1.0, 9.0])[None].astype(np.float32)
    skin = Keypoints(
        np.array([[120.0, 6.0]], np.float32),
        names=("skin",),
        scores=np.ones(1, np.float32),
        covariances=covariances,
        presence=1.0,
        phrase="skin",
    )
    deep = measure("depth", masks={"lesion": known}, points={"skin": skin}, spacing=0.1)
    assert 0.3 < deep.spread < 0.4  # 3 pixels of the skin and 2 % of some 23 of the lesion


def test_orientation_is_taken_in_millimetres():
    assert measure("orientation", masks={"lesion": lesion()}, spacing=(0.3, 0.1)).value == pytest.approx(90, abs=1)


def test_depth_is_the_shortest_way_from_the_skin():
    skin = {"skin": [[10.0, 5.0], [120.0, 6.0], [230.0, 5.0]]}
    result = measure("depth", masks={"lesion": lesion()}, points=skin, spacing=0.1)
    assert result.value == pytest.approx((70 - 6) * 0.1, abs=0.15)


@pytest.mark.parametrize(("name", "constant"), [("volume", 0.523), ("thyroid lobe volume", 0.479), ("testis volume", 0.71)])
def test_volumes_of_three_diameters(name, constant):
    values = {"length": 40.0, "width": 20.0, "height": 15.0}
    result = measure(name, values=values)
    assert (result.value, result.unit) == (pytest.approx(constant * 12), "ml")
    assert measure(name, values=values | {"constant": 0.6}).value == pytest.approx(7.2)
    uncertain = {key: (value, 0.01 * value) for key, value in values.items()}
    assert measure(name, values=uncertain).spread == pytest.approx(math.sqrt(3) * 0.01 * result.value)


@pytest.mark.parametrize(
    ("change", "points", "level"),
    [
        ({}, 4, 4),
        ({"echogenicity": "very hypoechoic", "shape": "taller than wide"}, 8, 5),
        ({"echogenicity": "isoechoic"}, 3, 3),
        ({"composition": "mixed cystic and solid", "echogenicity": "isoechoic"}, 2, 2),
        ({"composition": "cystic", "echogenicity": "anechoic"}, 0, 1),
        ({"composition": "spongiform", "margin": "irregular"}, 0, 1),
        ({"echogenic foci": ("macrocalcifications", "punctate echogenic foci")}, 8, 5),
        ({"margin": "extrathyroidal extension"}, 7, 5),
    ],
)
def test_tirads(change, points, level):
    result = measure("ti-rads", values=SOLID | change)
    assert (result.value, result.unit) == (points, "{points}")
    assert f"TR{level}" in result.method


def test_one_point_has_no_level():
    values = SOLID | {"composition": "mixed cystic and solid", "echogenicity": "anechoic"}
    result = measure("tirads", values=values)
    assert result.value == 1
    assert "no level has 1 point" in result.method


@pytest.mark.parametrize(
    ("level", "size", "advice"),
    [
        (1, 60.0, "no biopsy"),
        (2, 60.0, "no biopsy"),
        (3, 25.0, "biopsy"),
        (3, 24.9, "follow-up after 1, 3 and 5 years"),
        (3, 14.9, "neither biopsy nor follow-up"),
        (4, 15.0, "biopsy"),
        (4, 10.0, "follow-up after 1, 2, 3 and 5 years"),
        (5, 10.0, "biopsy"),
        (5, 5.0, "follow-up after 1, 2, 3, 4 and 5 years"),
        (5, 4.9, "neither biopsy nor follow-up"),
    ],
)
def test_advice_by_size(level, size, advice):
    assert advice_of(level, size) == advice


def test_every_sum_has_its_level():
    assert [level_of(points) for points in range(10)] == [1, None, 2, 3, 4, 4, 4, 5, 5, 5]
    assert set(BIOPSY) == {3, 4, 5}
    assert {feature: max(terms.values()) for feature, terms in POINTS.items()} == {
        "composition": 2,
        "echogenicity": 3,
        "shape": 3,
        "margin": 3,
        "echogenic foci": 3,
    }


def test_size_of_a_nodule_may_be_a_measurement():
    size = measure("longest diameter", masks={"lesion": lesion()}, spacing=0.2)
    assert "TR4, biopsy" in measure("ti-rads", values=SOLID | {"longest diameter": size}).method
    assert "biopsy from 15 mm, follow-up from 10 mm" in measure("ti-rads", values=SOLID).method


def test_one_term_of_a_feature_and_a_known_one():
    with pytest.raises(ValueError, match="one of smooth"):
        measure("ti-rads", values=SOLID | {"margin": ("smooth", "irregular")})
    with pytest.raises(ValueError, match="one of anechoic"):
        measure("ti-rads", values=SOLID | {"echogenicity": "blue"})


def test_breast_terms_are_those_of_the_edition():
    mass = BreastMass(shape="oval", margin=("indistinct", "angular"), orientation="parallel")
    assert "5th edition" in mass.edition
    with pytest.raises(ValueError, match="shape is one of oval, round, irregular, not lobular"):
        BreastMass(shape="lobular")
    with pytest.raises(ValueError, match="circumscribed or not"):
        BreastMass(margin=("circumscribed", "angular"))
    with pytest.raises(ValueError, match="known is"):
        BreastMass(edition="4th")


@pytest.mark.parametrize(
    ("name", "given", "text"),
    [
        ("femur length", {"points": {"femur": [[0, 0], [0, 123.46]]}, "spacing": 0.5}, "61.7 mm"),
        ("gestational age", {"values": {"crown-rump length": 60.0}}, "12 weeks + 3 days"),
        (
            "estimated fetal weight by HC, AC",
            {"values": {"head circumference": 29.0, "abdominal circumference": 26.0}},
            "1499 g",
        ),
        ("ti-rads", {"values": SOLID}, "4 points"),
        ("area", {"masks": {"lesion": None}}, "absent"),
    ],
)
def test_values_as_clinics_write_them(name, given, text):
    assert shown(measure(name, **given)) == text


def test_days_round_up_into_a_week():
    result = measure("gestational age by femur length", values={"femur length": 3.22})
    assert result.value == pytest.approx(20.03, abs=0.02)
    assert shown(result) == "20 weeks + 0 days"
    assert shown(result.to("d")) == "20 weeks + 0 days"
