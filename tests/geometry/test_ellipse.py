"""Ellipses against exact rasters and integrals."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ellipe

from umind.geometry.ellipse import Ellipse, ellipse_from_moments, ellipse_of_mask

angles = st.floats(-math.pi / 2 + 1e-3, math.pi / 2)


@settings(max_examples=60)
@given(
    semi_major=st.floats(40, 110),
    ratio=st.floats(0.4, 0.85),
    angle=angles,
    dy=st.floats(0.2, 0.8),
    dx=st.floats(0.2, 0.8),
    shift=st.tuples(st.floats(-5, 5), st.floats(-5, 5)),
)
def test_mask_of_an_exact_ellipse(
    semi_major: float, ratio: float, angle: float, dy: float, dx: float, shift: tuple[float, float]
) -> None:
    """Drawn in millimetres on anisotropic pixels, the shorter semi-axis at least 20 of them."""
    truth = Ellipse(130 + shift[0], 130 + shift[1], semi_major, ratio * semi_major, angle)
    got = ellipse_of_mask(raster(truth, dy, dx), (dy, dx))
    assert got.semi_major == pytest.approx(truth.semi_major, rel=0.01)
    assert got.semi_minor == pytest.approx(truth.semi_minor, rel=0.01)
    assert abs(math.remainder(got.angle - truth.angle, math.pi)) < math.radians(1)
    assert -math.pi / 2 < got.angle <= math.pi / 2
    np.testing.assert_allclose([got.x, got.y], [truth.x, truth.y], atol=0.2 * max(dx, dy))


def test_soft_mask_weighs() -> None:
    truth = Ellipse(60.0, 50.0, 30.0, 15.0, 0.4)
    mask = raster(truth, 1.0, 1.0)[:100, :120]
    assert ellipse_of_mask(mask * 0.3).semi_major == pytest.approx(ellipse_of_mask(mask).semi_major)


def test_one_pixel_has_its_own_size() -> None:
    """A unit square has variance 1/12, as has an ellipse with semi-axis 2 / sqrt(12)."""
    mask = np.zeros((5, 5), bool)
    mask[2, 3] = True
    got = ellipse_of_mask(mask)
    assert (got.x, got.y) == (3.5, 2.5)
    assert got.semi_major == pytest.approx(2 / math.sqrt(12))
    assert got.semi_minor == pytest.approx(2 / math.sqrt(12))


def test_empty_mask_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        ellipse_of_mask(np.zeros((4, 4), bool))


@given(semi_major=st.floats(0.1, 200), ratio=st.floats(0.2, 1.0))
def test_circumference_equals_the_integral(semi_major: float, ratio: float) -> None:
    semi_minor = semi_major * ratio
    want = 4 * semi_major * ellipe(1 - (semi_minor / semi_major) ** 2)
    assert Ellipse(0.0, 0.0, semi_major, semi_minor, 0.0).circumference == pytest.approx(want, rel=1e-4)


def test_no_size_no_circumference() -> None:
    assert Ellipse(*5 * [0.0]).circumference == 0


@given(angle=angles, semi_minor=st.floats(1, 9))
def test_axes(angle: float, semi_minor: float) -> None:
    ellipse = Ellipse(20.0, 30.0, 10.0, semi_minor, angle)
    long, short = ellipse.long_axis, ellipse.short_axis
    assert long[0, 0] <= long[1, 0]
    assert short[0, 1] <= short[1, 1]
    assert np.linalg.norm(long[1] - long[0]) == pytest.approx(20)
    assert np.linalg.norm(short[1] - short[0]) == pytest.approx(2 * semi_minor)
    assert (long[1] - long[0]) @ (short[1] - short[0]) == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose(long.mean(0), [20, 30])
    np.testing.assert_allclose(short.mean(0), [20, 30])
    assert ellipse.area == pytest.approx(math.pi * 10 * semi_minor)


@given(angle=st.floats(-10, 10), major=st.floats(2, 50), ratio=st.floats(0.1, 0.95))
def test_moments_round_trip(angle: float, major: float, ratio: float) -> None:
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    covariance = turn @ np.diag([major**2 / 4, (ratio * major) ** 2 / 4]) @ turn.T
    got = ellipse_from_moments(np.array([3.0, 4.0]), covariance)
    assert (got.semi_major, got.semi_minor) == pytest.approx((major, ratio * major))
    assert abs(math.remainder(got.angle - angle, math.pi)) < 1e-5
    assert -math.pi / 2 < got.angle <= math.pi / 2


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_vertical_axis_has_the_positive_angle(sign: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """An eigenvector may point either way; the angle may not."""
    monkeypatch.setattr(np.linalg, "eigh", lambda _: (np.array([1.0, 4.0]), np.diag([1.0, sign])))
    assert ellipse_from_moments(np.zeros(2), np.diag([1.0, 4.0])).angle == math.pi / 2


def raster(ellipse: Ellipse, dy: float, dx: float, extent: float = 260) -> np.ndarray:
    """Pixels whose centre lies inside; the ellipse is in millimetres, as is ``extent``."""
    xs = (np.arange(int(extent / dx)) + 0.5) * dx - ellipse.x
    ys = (np.arange(int(extent / dy)) + 0.5) * dy - ellipse.y
    x, y = np.meshgrid(xs, ys)
    along = x * math.cos(ellipse.angle) + y * math.sin(ellipse.angle)
    across = -x * math.sin(ellipse.angle) + y * math.cos(ellipse.angle)
    return (along / ellipse.semi_major) ** 2 + (across / ellipse.semi_minor) ** 2 <= 1
