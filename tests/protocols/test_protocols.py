"""The registry: what a phrase names, that every protocol is whole, and the six that read a head or a lesion off a mask."""

import math

import numpy as np
import pytest
from pydicom.sr.codedict import codes

from umind.geometry.ellipse import Ellipse
from umind.geometry.spacing import Spacing
from umind.protocols import PROTOCOLS, Outline, Shape, measure, protocol_of, region_protocol_of

READ_OFF_A_HEAD = {
    "head circumference": 317.3,
    "biparietal diameter": 80.0,
    "occipitofrontal diameter": 120.0,
    "longest diameter": 120.0,
    "perpendicular diameter": 80.0,
    "area": math.pi * 60 * 40,
}
SPREADS = (0.02, 0.03, 0.04, 0.05)


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
def test_phrase_names_the_protocol_of_a_region(phrase, name):
    assert region_protocol_of(phrase).name == name


@pytest.mark.parametrize(
    ("phrase", "names", "name"),
    [
        ("abdominal circumference", (), "abdominal circumference"),
        ("femur length", (), "femur length"),
        ("estimated fetal weight", (), "estimated fetal weight by BPD, HC, AC, FL"),
        ("EFW", ("abdominal circumference", "femur length"), "estimated fetal weight by AC, FL"),
        ("gestational age", ("crown-rump length",), "gestational age by crown-rump length"),
        ("gestational age by femur length", (), "gestational age by femur length"),
        ("ejection fraction", (), "ejection fraction by discs"),
        ("ejection fraction", ("left ventricle", "left ventricle, two chambers"), "ejection fraction by biplane discs"),
        ("angle of progression", (), "angle of progression"),
        ("thyroid lobe volume", (), "thyroid lobe volume"),
        ("largest diameter of the vascular lumen", (), "longest diameter"),
    ],
)
def test_phrase_and_inputs_name_a_protocol(phrase, names, name):
    protocol = protocol_of(phrase, names)
    assert protocol is not None
    assert protocol.name == name


def test_a_phrase_may_name_nothing():
    assert protocol_of("the colour of the sky") is None
    with pytest.raises(ValueError, match="no protocol is named by 'the colour'"):
        measure("the colour")


def test_every_protocol_is_found_by_its_name():
    for name, protocol in PROTOCOLS.items():
        assert protocol_of(name) is protocol


def test_codes_are_those_of_dicom():
    known = {}
    for scheme in ("LN", "DCM", "SCT"):
        concepts = getattr(codes, scheme)
        for keyword in dir(concepts):
            concept = getattr(concepts, keyword)
            if not hasattr(concept, "meaning"):
                continue
            known.setdefault((concept.value, concept.scheme_designator), set()).add(concept.meaning.lower())
    for protocol in PROTOCOLS.values():
        if protocol.code:
            assert protocol.code.meaning.lower() in known[protocol.code.value, protocol.code.scheme], protocol.name


@pytest.mark.parametrize(("name", "expected"), READ_OFF_A_HEAD.items())
def test_values_in_pixels(head, name, expected):
    result = measure(name, masks={PROTOCOLS[name].region.name: head})
    assert result.value == pytest.approx(expected, rel=0.01)
    assert result.unit == ("px2" if name == "area" else "px")
    assert result.calibration == "none"
    assert result.spread is None  # a mask alone says nothing of its errors


def test_anisotropic_spacing_is_measured_in_millimetres(head):
    spacing = Spacing(dy=0.3, dx=0.1)  # in millimetres the ellipse stands upright: 6 by 12
    lesion, skull = {"lesion": head}, {"fetal head": head}
    assert measure("longest diameter", masks=lesion, spacing=spacing).value == pytest.approx(24, rel=0.01)
    assert measure("biparietal diameter", masks=skull, spacing=spacing).value == pytest.approx(12, rel=0.01)
    by_hand = measure("biparietal diameter", points={"fetal head": [[10, 10], [10, 70]]}, spacing=(0.2, 0.5))
    assert by_hand.value == pytest.approx(12)
    assert "between the points" in by_hand.method
    assert measure("area", masks=lesion, spacing=spacing).value == pytest.approx(math.pi * 6 * 12, rel=0.01)
    assert measure("cephalic index", masks=skull, spacing=spacing).value == pytest.approx(50, rel=0.01)


@pytest.mark.parametrize("name", READ_OFF_A_HEAD)
def test_an_ellipse_reads_as_its_mask(head, name):
    ellipse = Ellipse(120.0, 100.0, 60.0, 40.0, 0.0)
    spacing = Spacing(dy=0.3, dx=0.1)
    drawn, given = (measure(name, masks={PROTOCOLS[name].region.name: region}, spacing=spacing) for region in (head, ellipse))
    assert given.value == pytest.approx(drawn.value, rel=0.01)


@pytest.mark.parametrize(
    ("name", "relative"),
    [
        ("longest diameter", 0.02),
        ("perpendicular diameter", 0.03),
        ("occipitofrontal diameter", 0.04),
        ("biparietal diameter", 0.05),
        ("area", math.hypot(0.04, 0.05)),
        ("head circumference", math.hypot(0.6 * 0.04, 0.4 * 0.05)),
        ("cephalic index", math.hypot(0.04, 0.05)),
    ],
)
def test_spreads_of_the_length_head_are_propagated(head, name, relative):
    """A circumference depends on its axes by their share in the sum, to first order in their difference."""
    shape = Shape(Outline(head, None), spreads=SPREADS)
    result = measure(name, masks={PROTOCOLS[name].region.name: shape}, spacing=0.1)
    assert result.spread == pytest.approx(relative * result.value, rel=0.02)


def test_factors_of_the_length_head_are_said(head):
    plain = measure("longest diameter", masks={"lesion": head})
    longer = measure("longest diameter", masks={"lesion": Shape(Outline(head, None), scales=(1.1, 1.0, 1.0, 1.0))})
    assert longer.value == pytest.approx(1.1 * plain.value)
    assert "1.100 times what the mask shows, by the length head" in longer.method
    assert "length head" not in plain.method
    area = measure("area", masks={"lesion": Shape(Outline(head, None), scales=(1.1, 1.1, 1.1, 1.1))})
    assert area.value == np.count_nonzero(head)  # a mask's area needs no correction


def test_circumference_by_two_diameters_is_named(head):
    result = measure("head circumference", masks={"fetal head": head}, values={"circumference": "two diameters"}, spacing=0.1)
    assert result.value == pytest.approx(math.pi * (12 + 8) / 2, rel=0.01)
    assert "pi (d1 + d2) / 2" in result.method


def test_cephalic_index_has_a_range(head):
    result = measure("cephalic index", masks={"fetal head": head}, square=True)
    (entry,) = result.ranges
    assert (entry.low, entry.high, entry.holds, result.in_range) == (74, 83, False, False)
