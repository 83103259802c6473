"""Diameters against brute force over every corner of every boundary pixel."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

from umind.geometry.caliper import Caliper, diameters_of_mask, hull_of_mask, longest_chord_across
from umind.geometry.spacing import Spacing

spacings = st.one_of(st.none(), st.builds(Spacing, st.floats(0.05, 2.0), st.floats(0.05, 2.0)))


@settings(max_examples=80)
@given(
    kind=st.sampled_from(["rectangle", "ellipse"]),
    length=st.floats(8, 40),
    ratio=st.floats(0.2, 1.0),
    angle=st.floats(0, math.pi),
    spacing=spacings,
)
def test_diameters_equal_brute_force(kind: str, length: float, ratio: float, angle: float, spacing: Spacing | None) -> None:
    mask = shape(kind, length, ratio * length, angle)
    scale = np.array([spacing.dx, spacing.dy] if spacing else [1.0, 1.0])
    corners = corners_of(mask) * scale
    longest, cross = diameters_of_mask(mask, spacing)
    assert longest.length(spacing) == pytest.approx(pdist(corners).max(), rel=1e-6)

    along, over = ends(longest) * scale, ends(cross) * scale
    axis = (along[1] - along[0]) / np.linalg.norm(along[1] - along[0])
    assert abs((over[1] - over[0]) @ axis) < 1e-3 * longest.length(spacing)  # at right angles
    assert cross.length(spacing) == pytest.approx(widest_slice(corners, axis), rel=2e-3)
    assert cross.length(spacing) <= longest.length(spacing) * (1 + 1e-6)


@given(num=st.integers(3, 12), angle=st.floats(0, math.pi), seed=st.integers(0, 2**16))
def test_longest_chord_of_a_polygon(num: int, angle: float, seed: int) -> None:
    """Corners on a circle are a convex polygon; the reference slices it at 4001 places."""
    turns = np.sort(np.random.default_rng(seed).uniform(0, 2 * math.pi, num))
    polygon = 10 * np.stack([np.cos(turns), np.sin(turns)], 1) + 30
    axis = np.array([math.cos(angle), math.sin(angle)])
    chord = longest_chord_across(polygon, axis)
    assert np.linalg.norm(chord[1] - chord[0]) == pytest.approx(widest_slice(polygon, axis), rel=1e-2, abs=2e-2)


@pytest.mark.parametrize("turn", [0, 90])
def test_chord_of_a_square_along_its_side(turn: int) -> None:
    """Sides parallel to the chord are the case where every hit is a corner."""
    square = np.array([[0, 0], [4, 0], [4, 3], [0, 3]], float)
    axis = np.array([1.0, 0.0]) if turn == 0 else np.array([0.0, 1.0])
    chord = longest_chord_across(square, axis)
    assert np.linalg.norm(chord[1] - chord[0]) == pytest.approx(3 if turn == 0 else 4)


def test_wheel_cross_of_a_rectangle() -> None:
    """A 4 x 3 block: the diagonal is 5; the chord across it from a corner is 3.75 = 3 * 5 / 4."""
    mask = np.zeros((20, 20), bool)
    mask[5:8, 6:10] = True
    longest, cross = diameters_of_mask(mask)
    assert longest.length() == pytest.approx(5)
    assert cross.length() == pytest.approx(3.75)
    assert longest.length(Spacing(0.5, 0.5)) == pytest.approx(2.5)


def test_one_pixel() -> None:
    mask = np.zeros((9, 9), bool)
    mask[4, 4] = True
    assert [c.length() for c in diameters_of_mask(mask)] == pytest.approx([math.sqrt(2)] * 2)


def test_spacing_decides_which_way_is_longest() -> None:
    mask = np.zeros((40, 40), bool)
    mask[10:20, 5:35] = True
    wide, tall = diameters_of_mask(mask)[0], diameters_of_mask(mask, Spacing(10.0, 0.1))[0]
    assert wide.length() == pytest.approx(math.hypot(30, 10))
    assert tall.length(Spacing(10.0, 0.1)) == pytest.approx(math.hypot(3, 100))


def test_several_parts_are_measured_across() -> None:
    mask = np.zeros((40, 40), bool)
    mask[2, 2] = mask[30, 35] = True
    assert diameters_of_mask(mask)[0].length() == pytest.approx(math.hypot(34, 29))


def test_empty_mask() -> None:
    assert hull_of_mask(np.zeros((5, 5), bool)).shape == (0, 2)
    with pytest.raises(ValueError, match="empty"):
        diameters_of_mask(np.zeros((5, 5), bool))


def test_length_in_each_direction() -> None:
    assert Caliper((0.0, 0.0), (3.0, 4.0)).length() == 5
    assert Caliper((0.0, 0.0), (3.0, 4.0)).length(Spacing(0.5, 2.0)) == pytest.approx(math.hypot(6, 2))


def shape(kind: str, length: float, width: float, angle: float) -> np.ndarray:
    x, y = np.meshgrid(np.arange(100) + 0.5 - 49.3, np.arange(90) + 0.5 - 44.8)
    along, across = x * math.cos(angle) + y * math.sin(angle), -x * math.sin(angle) + y * math.cos(angle)
    if kind == "rectangle":
        return (np.abs(along) <= length) & (np.abs(across) <= width)
    return (along / length) ** 2 + (across / width) ** 2 <= 1


def corners_of(mask: np.ndarray) -> np.ndarray:
    """Four corners of every pixel that has a neighbour outside."""
    padded = np.pad(mask, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    rows, columns = (mask & ~inner).nonzero()
    return np.concatenate([np.stack([columns + i, rows + j], 1) for i in (0, 1) for j in (0, 1)]).astype(float)


def widest_slice(points: np.ndarray, axis: np.ndarray, num: int = 4001) -> float:
    """Longest chord across an axis, from every pair of points on either side of each of many slices."""
    normal = np.array([-axis[1], axis[0]])
    along, across = points @ axis, points @ normal
    upper, lower = chain(along, across), chain(along, -across)
    places = np.concatenate([np.linspace(along.min(), along.max(), num), along])
    return float((np.interp(places, *upper) + np.interp(places, *lower)).max())


def chain(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Upper hull (Andrew 1979), for x in rising order."""
    kept: list[tuple[float, float]] = []
    highest = {}
    for a, b in zip(x.tolist(), y.tolist(), strict=True):
        highest[a] = max(b, highest.get(a, -math.inf))
    for point in sorted(highest.items()):
        while len(kept) > 1 and turn_of(kept[-2], kept[-1], point) >= 0:
            kept.pop()
        kept.append(point)
    xs, ys = zip(*kept, strict=True)
    return np.array(xs), np.array(ys)


def turn_of(o: tuple[float, float], a: tuple[float, float], b: tuple[float, float]) -> float:
    return (a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0])


def ends(caliper: Caliper) -> np.ndarray:
    return np.array([caliper.start, caliper.end])
