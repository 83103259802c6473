"""The delta method against derivatives by hand, and against 10,000 draws."""

import math

import numpy as np
import pytest

from umind.protocols import measure
from umind.protocols.growth import weight_by_bpd_hc_ac_fl
from umind.protocols.propagate import spread_of


def test_a_linear_function_is_exact():
    covariance = np.array([[4.0, 1.0], [1.0, 9.0]])
    got = spread_of(lambda x: float(3 * x[0] - 2 * x[1] + 7), np.array([10.0, -5.0]), covariance)
    assert got == pytest.approx(math.sqrt(9 * 4 + 4 * 9 - 2 * 6 * 1))


def test_a_product_by_its_derivatives():
    got = spread_of(lambda x: float(x[0] * x[1]), np.array([20.0, 30.0]), np.diag([0.25, 1.0]))
    assert got == pytest.approx(math.hypot(30 * 0.5, 20 * 1.0))


def test_what_is_certain_spreads_nothing():
    assert spread_of(lambda x: float(x.sum() ** 3), np.array([1.0, 2.0]), np.zeros((2, 2))) == 0


def test_weight_agrees_with_draws():
    names = ("biparietal diameter", "head circumference", "abdominal circumference", "femur length")
    means, deviations = np.array([8.2, 30.1, 29.0, 6.4]), np.array([0.15, 0.4, 0.6, 0.1])
    result = measure("estimated fetal weight", values=dict(zip(names, zip(means, deviations, strict=True), strict=True)))
    drawn = np.random.default_rng(0).normal(means, deviations, (10_000, 4))
    weights = [weight_by_bpd_hc_ac_fl(*row) for row in drawn.tolist()]
    assert result.spread == pytest.approx(np.std(weights), rel=0.03)
    covered = np.abs(np.array(weights) - result.value) <= 1.96 * result.spread
    assert 0.93 <= covered.mean() <= 0.97


def test_distance_between_uncertain_points_agrees_with_draws():
    from_here, to_there = np.array([20.0, 30.0]), np.array([120.0, 80.0])
    first, second = np.array([[4.0, 1.5], [1.5, 2.0]]), np.array([[1.0, -0.5], [-0.5, 3.0]])
    rng = np.random.default_rng(1)
    gaps = rng.multivariate_normal(to_there, second, 10_000) - rng.multivariate_normal(from_here, first, 10_000)
    lengths = np.hypot(*gaps.T)

    def length(x):
        return math.hypot(x[2] - x[0], x[3] - x[1])

    joint = np.block([[first, np.zeros((2, 2))], [np.zeros((2, 2)), second]])
    assert spread_of(length, np.concatenate([from_here, to_there]), joint) == pytest.approx(lengths.std(), rel=0.03)
