"""Left ventricle: formulas with numbers, discs on spheroids, and the frames of a cine."""

import math

import numpy as np
import pytest

from umind.geometry.spacing import Spacing
from umind.protocols import Outline, Shape, measure
from umind.protocols.cardiac import area_length_volume, cube_mass, ejected, teichholz_volume
from umind.schema.errors import MissingInputError

FOUR, TWO = "left ventricle", "left ventricle, two chambers"


def spheroid(half_length, half_width, spacing=0.5):
    """Upright ellipse in millimetres, 50 wide and 120 high."""
    y, x = ((np.mgrid[: int(120 / spacing), : int(80 / spacing)]) + 0.5) * spacing
    return ((x - 40) / half_width) ** 2 + ((y - 60) / half_length) ** 2 < 1


def volume(half_length, first, second):
    return 4 / 3 * math.pi * half_length * first * second / 1000


def test_mass_of_a_normal_ventricle():
    """Walls of 0.9 cm around 4.8 cm: 147.8 g, the example of a public calculator by the same formula."""
    assert cube_mass(0.9, 4.8, 0.9) == pytest.approx(147.8, abs=0.05)


def test_teichholz_by_hand():
    assert teichholz_volume(5.0) == pytest.approx(875 / 7.4)
    values = {"LV internal dimension, diastole": 5.0, "LV internal dimension, systole": 3.0}
    result = measure("ejection fraction", values=values)
    assert result.value == pytest.approx(100 * (1 - (189 / 5.4) / (875 / 7.4)))
    assert "no longer recommended" in result.method


def test_area_length_of_a_spheroid_is_exact():
    """8 A^2 / 3 pi L with A = pi a b and L = 2 a is 4/3 pi a b^2."""
    assert area_length_volume(math.pi * 4 * 2.5, 8.0) == pytest.approx(4 / 3 * math.pi * 4 * 2.5**2)
    result = measure("area-length volume", masks={FOUR: spheroid(40, 25)}, spacing=0.5)
    assert result.value == pytest.approx(volume(40, 25, 25), rel=0.02)


def test_discs_of_a_spheroid():
    result = measure("left ventricular volume", masks={FOUR: spheroid(40, 25)}, spacing=0.5)
    assert (result.value, result.unit) == (pytest.approx(volume(40, 25, 25), rel=0.02), "ml")
    assert "20 discs" in result.method


def test_landmarks_cut_the_stack():
    """From the apex to the middle: half the spheroid."""
    points = {"long axis": [[80.0, 40.0], [80.0, 120.0]]}
    result = measure("left ventricular volume", masks={FOUR: spheroid(40, 25)}, points=points, spacing=0.5)
    assert result.value == pytest.approx(volume(40, 25, 25) / 2, rel=0.02)


def test_biplane_takes_the_longer_axis():
    masks = {FOUR: spheroid(40, 25), TWO: spheroid(40, 20)}
    result = measure("biplane lv volume", masks=masks, spacing=0.5)
    assert result.value == pytest.approx(volume(40, 25, 20), rel=0.02)
    assert "long axes differ by 0 %" in result.method
    short = measure("biplane lv volume", masks=masks | {TWO: spheroid(34, 20)}, spacing=0.5)
    assert short.value == pytest.approx(volume(40, 25, 20), rel=0.02)
    assert "long axes differ by 15 %" in short.method


def test_a_second_plane_may_have_a_spacing_of_its_own():
    finer = Shape(Outline(spheroid(40, 20, spacing=0.25), Spacing(0.25, 0.25)))
    result = measure("biplane lv volume", masks={FOUR: spheroid(40, 25), TWO: finer}, spacing=0.5)
    assert result.value == pytest.approx(volume(40, 25, 20), rel=0.02)


def test_fraction_takes_the_largest_and_the_smallest_frame():
    widths = (22, 25, 20, 16, 21)
    cine = [spheroid(40, width) for width in widths]
    result = measure("ejection fraction", masks={FOUR: cine}, square=True)
    assert result.value == pytest.approx(100 * (1 - (16 / 25) ** 2), abs=1)
    assert "end-diastole in frame 1, end-systole in frame 3" in result.method
    other = [spheroid(40, width) for width in (20, 15)]
    both = measure("ejection fraction", masks={FOUR: cine, TWO: other}, spacing=0.5)
    assert both.value == pytest.approx(ejected(25 * 20, 16 * 15), abs=1)


def test_fraction_wants_frames_and_the_ventricle_in_each():
    with pytest.raises(ValueError, match="at least two frames"):
        measure("ejection fraction", masks={FOUR: [spheroid(40, 25)]}, spacing=0.5)
    with pytest.raises(MissingInputError, match="a list of bool"):
        measure("ejection fraction", spacing=0.5)
    empty = np.zeros_like(spheroid(40, 25))
    assert measure("ejection fraction", masks={FOUR: [spheroid(40, 25), empty]}, spacing=0.5).value is None


def test_walls_are_calipers():
    result = measure("lvidd", points={"LV diastolic dimension": [[10, 10], [10, 106]]}, spacing=0.5)
    assert (result.value, result.unit) == (48, "mm")
    mass = measure(
        "lv mass", values={"LV internal dimension, diastole": result, "septum, diastole": 0.9, "posterior wall, diastole": 0.9}
    )
    assert mass.value == pytest.approx(147.8, abs=0.05)
