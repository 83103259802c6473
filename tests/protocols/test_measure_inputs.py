"""What is given to a protocol: missing, unknown, absent, in pixels, with and without an uncertainty."""

import math

import numpy as np
import pytest

from umind.protocols import measure
from umind.schema.errors import MissingInputError, UncalibratedError
from umind.schema.result import Keypoints, Measurement

FEMUR = [[10.0, 20.0], [40.0, 60.0]]


def square(size=20):
    mask = np.zeros((60, 60), bool)
    mask[10 : 10 + size, 10 : 10 + size] = True
    return mask


def test_a_missing_input_is_named_with_the_way_to_give_it():
    with pytest.raises(MissingInputError, match=r"lacks 'femur length': give values=\{'femur length': a number in cm\}"):
        measure("gestational age by femur length")
    with pytest.raises(MissingInputError, match=r"points=\{'femur': \[end, other end\] as xy\} or masks=\{'femur'"):
        measure("femur length", spacing=0.1)
    with pytest.raises(MissingInputError, match=r"'composition': one of cystic, spongiform"):
        measure("ti-rads")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"values": {"femur": 3.0}}, "takes 'abdominal circumference'|takes 'biparietal diameter'"),
        ({"values": {"femur length": float("nan"), "abdominal circumference": 30.0}}, "wants a finite number, got nan"),
        ({"values": {"femur length": "long", "abdominal circumference": 30.0}}, "wants a finite number, got 'long'"),
        ({"points": {"femur length": FEMUR}, "values": {"abdominal circumference": 30.0}}, "is given by no points"),
    ],
)
def test_what_does_not_fit_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        measure("estimated fetal weight", **given)


@pytest.mark.parametrize(
    ("protocol", "given", "message"),
    [
        ("femur length", {"points": {"femur": [[1.0, 2.0]]}}, "wants 2 finite xy points"),
        ("area", {"masks": {"lesion": square().astype(float)}}, "wants bool"),
        ("area", {"masks": {"lesion": [square()]}}, "wants one region"),
        ("ejection fraction", {"masks": {"left ventricle": square()}}, "a region for each frame"),
        ("head circumference", {"masks": {"fetal head": square()}, "values": {"circumference": "guess"}}, "one of ellipse"),
    ],
)
def test_what_is_malformed_is_refused(protocol, given, message):
    with pytest.raises(ValueError, match=message):
        measure(protocol, spacing=0.1, **given)


@pytest.mark.parametrize("nothing", [None, np.zeros((60, 60), bool)])
def test_an_absent_structure_has_no_value(nothing):
    result = measure("area", masks={"lesion": nothing}, spacing=0.1)
    assert result.value is result.spread is result.in_range is None
    assert (result.presence, result.evidence, result.unit, str(result)) == (0, (), "mm2", "absent")
    assert (
        measure("estimated fetal weight by AC, FL", values={"abdominal circumference": 30.0, "femur length": absent()}).value
        is None
    )


def test_what_needs_a_scale_refuses_without():
    with pytest.raises(UncalibratedError, match="spacing"):
        measure("left ventricular volume", masks={"left ventricle": square()})
    with pytest.raises(UncalibratedError, match="square=True"):
        measure("orientation", masks={"lesion": square()})
    assert measure("orientation", masks={"lesion": square()}, square=True).unit == "deg"
    in_pixels = measure("femur length", points={"femur": FEMUR})
    assert (in_pixels.value, in_pixels.unit) == (50, "px")
    with pytest.raises(UncalibratedError, match="no spacing"):
        measure("gestational age by femur length", values={"femur length": in_pixels})


def test_a_measurement_brings_its_unit_spread_and_calibration():
    covariances = np.tile(np.diag([4.0, 4.0]), (2, 1, 1)).astype(np.float32)
    points = Keypoints(
        np.array(FEMUR, np.float32), names=("a", "b"), scores=np.ones(2), covariances=covariances, presence=1.0, phrase="femur"
    )
    length = measure("femur length", points={"femur": points}, spacing=0.5, calibration="dicom-region")
    assert (length.value, length.unit) == (pytest.approx(25), "mm")
    assert length.spread == pytest.approx(0.5 * math.sqrt(8))  # each end moves by 2 pixels along the line
    age = measure("gestational age", values={"femur length": length})
    assert age.value == pytest.approx(10.35 + 2.46 * 2.5 + 0.17 * 2.5**2)
    assert age.spread == pytest.approx((2.46 + 2 * 0.17 * 2.5) * length.spread / 10)
    assert age.calibration == "dicom-region"


def test_a_spread_is_claimed_only_when_every_input_states_one():
    known, unknown = (30.0, 0.5), 6.0
    values = {"abdominal circumference": known, "femur length": unknown}
    assert measure("estimated fetal weight", values=values).spread is None
    assert measure("estimated fetal weight", values=values | {"femur length": (6.0, 0.1)}).spread > 0


def test_points_are_evidence():
    result = measure("femur length", points={"femur": FEMUR}, spacing=0.1)
    (caliper,) = result.evidence
    assert (caliper.start, caliper.end) == ((10, 20), (40, 60))


def test_results_survive_a_dictionary():
    result = measure("gestational age", values={"crown-rump length": (60.0, 1.0)})
    back = Measurement.from_dict(result.to_dict())
    assert (back.value, back.spread, back.ranges, back.in_range) == (result.value, result.spread, result.ranges, True)
    older = {key: value for key, value in result.to_dict().items() if key != "ranges"}
    assert Measurement.from_dict(older).ranges == ()


def absent():
    return measure("femur length", points={"femur": nobody()}, spacing=0.1)


def nobody():
    empty = np.zeros((0, 2), np.float32)
    return Keypoints(empty, names=(), scores=empty[:, 0], covariances=np.zeros((0, 2, 2)), presence=0.1, phrase="femur")
