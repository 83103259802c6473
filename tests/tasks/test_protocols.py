import math

import numpy as np
import pytest
from pydicom.sr.codedict import codes

from umind.geometry.spacing import Spacing
from umind.tasks.protocols import AS_DRAWN, PROTOCOLS, protocol_of


@pytest.fixture
def head():
    """An ellipse of semi-axes 60 and 40 pixels, upright along x."""
    y, x = np.mgrid[:200, :240] + 0.5
    return ((x - 120) / 60) ** 2 + ((y - 100) / 40) ** 2 < 1


@pytest.mark.parametrize(
    ("phrase", "name"),
    [
        ("head circumference", "head circumference"),
        ("HC", "head circumference"),
        ("BPD", "biparietal diameter"),
        ("biparietal diameter of the fetal head", "biparietal diameter"),
        ("occipito-frontal diameter", "occipitofrontal diameter"),
        ("longest diameter of the breast lesion", "longest diameter"),
        ("perpendicular diameter of the nodule", "perpendicular diameter"),
        ("short axis of the cyst", "perpendicular diameter"),
        ("area of the cyst", "area"),
        ("something else", "longest diameter"),
    ],
)
def test_phrase_names_protocol(phrase, name):
    assert protocol_of(phrase).name == name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("head circumference", 317.3),
        ("biparietal diameter", 80.0),
        ("occipitofrontal diameter", 120.0),
        ("longest diameter", 120.0),
        ("perpendicular diameter", 80.0),
        ("area", math.pi * 60 * 40),
    ],
)
def test_values_in_pixels(head, name, expected):
    assert PROTOCOLS[name].read(head, None, AS_DRAWN).value == pytest.approx(expected, rel=0.01)


def test_anisotropic_spacing_is_measured_in_millimetres(head):
    spacing = Spacing(dy=0.3, dx=0.1)  # in millimetres the ellipse stands upright: 6 by 12
    assert PROTOCOLS["longest diameter"].read(head, spacing, AS_DRAWN).value == pytest.approx(24, rel=0.01)
    assert PROTOCOLS["biparietal diameter"].read(head, spacing, AS_DRAWN).value == pytest.approx(12, rel=0.01)
    assert PROTOCOLS["area"].read(head, spacing, AS_DRAWN).value == pytest.approx(math.pi * 6 * 12, rel=0.01)


def test_spread_weights_are_the_derivatives(head):
    for protocol in PROTOCOLS.values():
        if protocol.dimension == "area":  # the mask's own, which the scales leave alone
            continue
        plain = protocol.read(head, None, AS_DRAWN)
        for index, weight in enumerate(plain.weights):
            scales = [1.001 if index == k else 1.0 for k in range(4)]
            longer = protocol.read(head, None, scales).value
            assert (longer / plain.value - 1) / 0.001 == pytest.approx(weight, abs=0.05)


@pytest.mark.parametrize(
    ("name", "keyword"), [("head circumference", "HeadCircumference"), ("biparietal diameter", "BiparietalDiameter")]
)
def test_codes_are_those_of_dicom(name, keyword):
    known = getattr(codes.LN, keyword)
    assert (PROTOCOLS[name].code.value, PROTOCOLS[name].code.scheme) == (known.value, known.scheme_designator)
