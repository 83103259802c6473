"""Regions with a scale of their own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umind.geometry.region import UltrasoundRegion, same_spacing, spacing_in
from umind.geometry.spacing import Spacing

LEFT = UltrasoundRegion((0.0, 0.0, 80.0, 60.0), kind="2D", spacing=Spacing(0.1, 0.2))
RIGHT = UltrasoundRegion((80.0, 0.0, 160.0, 60.0), kind="2D", spacing=Spacing(0.3, 0.4))
STRIP = UltrasoundRegion((0.0, 60.0, 160.0, 90.0), kind="waveform", reason="time")
ALL = (LEFT, RIGHT, STRIP)


@pytest.mark.parametrize(
    ("points", "spacing"),
    [
        ([(1, 1), (79, 59)], LEFT.spacing),
        ([(0, 0), (80, 60)], LEFT.spacing),  # edges belong to it, though others begin there
        ([(80, 0), (160, 60)], RIGHT.spacing),
        ([(79, 10), (81, 10)], None),
        ([(10, 59), (10, 61)], None),
        ([(10, 70), (20, 80)], None),
        ([(10, 10), (10, 95)], None),
        ([(-1, 10), (10, 10)], None),
        ([(np.nan, 10), (10, 10)], None),
        ([], None),
    ],
)
def test_a_line_has_the_scale_of_the_region_that_holds_it(points: list[tuple[float, float]], spacing: Spacing | None) -> None:
    assert spacing_in(ALL, np.array(points, np.float64).reshape(-1, 2)) == spacing


def test_where_regions_lie_over_each_other_both_have_to_agree() -> None:
    line = np.array([(10.0, 10.0), (20.0, 20.0)])
    inset = (5.0, 5.0, 25.0, 25.0)
    assert spacing_in((LEFT, UltrasoundRegion(inset, kind="2D", spacing=LEFT.spacing)), line) == LEFT.spacing
    assert spacing_in((LEFT, UltrasoundRegion(inset, kind="2D", spacing=RIGHT.spacing)), line) is None
    assert spacing_in((LEFT, UltrasoundRegion(inset, kind="graphics", reason="text")), line) is None
    assert spacing_in((LEFT, UltrasoundRegion((15.0, 5.0, 25.0, 25.0), kind="graphics")), line) is None  # one end


def test_same_spacing() -> None:
    assert same_spacing([LEFT, LEFT]) == LEFT.spacing
    for regions in ([], [LEFT, RIGHT], [LEFT, STRIP], [STRIP, LEFT], [STRIP]):
        assert same_spacing(regions) is None


def test_what_is_no_region() -> None:
    with pytest.raises(ValueError, match="x1 < x2"):
        UltrasoundRegion((5.0, 0.0, 5.0, 9.0), kind="2D")
    with pytest.raises(ValueError, match="no millimetres"):
        UltrasoundRegion((0.0, 0.0, 5.0, 9.0), kind="spectral", spacing=Spacing(1.0, 1.0))


edges = st.integers(0, 200)


@given(left=edges, top=edges, columns=st.integers(1, 100), rows=st.integers(1, 100))
def test_a_cut_region_holds_what_it_held(left: int, top: int, columns: int, rows: int) -> None:
    box = (float(left), float(top), float(left + columns), float(top + rows))
    ys, xs = np.mgrid[top : top + rows : 7, left : left + columns : 7]
    points = np.stack([xs.ravel(), ys.ravel()], -1) + 0.5
    cut = RIGHT.cropped(box)
    held = cut.holds(points - (left, top)) if cut else np.zeros(len(points), bool)
    np.testing.assert_array_equal(held, RIGHT.holds(points))
    assert cut is None or (cut.lies_within(rows, columns) and cut.spacing == RIGHT.spacing)


@given(rows=st.floats(0.1, 9), columns=st.floats(0.1, 9))
def test_a_resampled_region_keeps_its_size_in_millimetres(rows: float, columns: float) -> None:
    bigger = RIGHT.resampled(rows=rows, columns=columns)
    assert size_of(bigger) == pytest.approx(size_of(RIGHT))
    assert STRIP.resampled(rows=rows, columns=columns).spacing is None


def size_of(region: UltrasoundRegion) -> tuple[float, float]:
    x1, y1, x2, y2 = region.xyxy
    assert region.spacing
    return (y2 - y1) * region.spacing.dy, (x2 - x1) * region.spacing.dx
