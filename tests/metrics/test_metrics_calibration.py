"""Slope, intercept and reliability by hand, by another optimiser and by loops."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit, logit

from umind.metrics.calibration import calibration_line, reliability
from umind.metrics.probability import brier


def test_two_forecasts_by_hand() -> None:
    """With two forecasts the line goes through both observed frequencies: 0.2 comes true in 4 of 10, 0.8 in 6 of 10."""
    probabilities = np.repeat([0.2, 0.8], 10)
    labels = np.array([1] * 4 + [0] * 6 + [1] * 6 + [0] * 4)
    got = calibration_line(probabilities, labels)
    assert got.slope == pytest.approx((logit(0.6) - logit(0.4)) / (logit(0.8) - logit(0.2)), abs=1e-6)
    assert got.intercept == pytest.approx(0, abs=1e-6)


def test_shift_and_stretch_are_found() -> None:
    """Frequencies that are exact: each forecast has as many cases as its true probability says."""
    z = np.array([-1.5, -0.5, 0.0, 1.0])
    true = np.round(expit(z) * 10000).astype(int)
    labels = np.concatenate([np.repeat([1, 0], [n, 10000 - n]) for n in true])
    assert calibration_line(expit(np.repeat(2 * z, 10000)), labels).slope == pytest.approx(0.5, abs=1e-3)
    shifted = calibration_line(expit(np.repeat(z + 0.7, 10000)), labels)
    assert (shifted.slope, shifted.intercept) == pytest.approx((1, -0.7), abs=1e-3)


@settings(max_examples=30)
@given(seed=st.integers(0, 2**16))
def test_line_equals_another_optimiser(seed: int) -> None:
    probabilities, labels = forecasts(seed)
    z = logit(probabilities)

    def loss(line: np.ndarray) -> float:
        chance = expit(line[0] + line[1] * z)
        return -float((labels * np.log(chance) + (1 - labels) * np.log(1 - chance)).mean())

    got = calibration_line(probabilities, labels)
    tight = {"xatol": 1e-10, "fatol": 1e-15, "maxiter": 10000}
    want = minimize(loss, [0, 1], method="Nelder-Mead", options=tight).x
    assert got.slope == pytest.approx(want[1], abs=1e-6)
    held = minimize(lambda a: loss(np.array([a[0], 1.0])), [0], method="Nelder-Mead", options=tight).x
    assert got.intercept == pytest.approx(held[0], abs=1e-6)
    turned = calibration_line(1 - probabilities, 1 - labels)
    assert (turned.slope, turned.intercept) == pytest.approx((got.slope, -got.intercept), abs=1e-6)


def test_line_without_a_maximum() -> None:
    labels = np.array([0, 0, 1, 1])
    assert math.isnan(calibration_line(np.array([0.1, 0.2, 0.8, 0.9]), labels).slope)
    assert math.isnan(calibration_line(np.array([0.9, 0.8, 0.2, 0.1]), labels).slope)
    assert math.isnan(calibration_line(np.full(4, 0.3), labels).slope)
    assert calibration_line(np.full(4, 0.3), labels).intercept == pytest.approx(-logit(0.3))
    assert math.isnan(calibration_line(np.full(4, 0.3), np.ones(4, int)).intercept)
    assert math.isfinite(calibration_line(np.array([0.0, 1.0, 0.3, 1.0]), labels).intercept)
    with pytest.raises(ValueError, match=r"0\.\.1"):
        calibration_line(np.array([1.2, 0.1]), np.array([0, 1]))


@settings(max_examples=30)
@given(seed=st.integers(0, 2**16), num_bins=st.integers(1, 20))
def test_reliability_equals_a_loop(seed: int, num_bins: int) -> None:
    probabilities, labels = forecasts(seed)
    got = reliability(probabilities, labels, num_bins)
    order = np.argsort(probabilities)
    parts = np.array_split(order, min(num_bins, len(order) // 2))
    np.testing.assert_allclose(got.forecasts, [probabilities[rows].mean() for rows in parts], atol=1e-9)
    np.testing.assert_allclose(got.frequencies, [labels[rows].mean() for rows in parts], atol=1e-9)
    assert got.counts.tolist() == [len(rows) for rows in parts]
    gaps = got.counts @ (got.forecasts - got.frequencies) ** 2 / len(labels)
    assert gaps <= brier(probabilities, labels) + 1e-9  # Murphy 1973: reliability is a part of it


def test_equal_forecasts_share_a_bin() -> None:
    got = reliability(np.full(7, 0.4), np.array([1, 0, 0, 1, 0, 0, 0]))
    assert (got.forecasts.tolist(), got.counts.tolist()) == (pytest.approx([0.4]), [7])
    assert got.frequencies.tolist() == pytest.approx([2 / 7])
    assert reliability(np.array([0.3]), np.array([1])).counts.tolist() == [1]
    with pytest.raises(ValueError, match="no cases"):
        reliability(np.zeros(0), np.zeros(0, int))


def forecasts(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Sixty different probabilities that are too sure; no threshold parts the classes."""
    draw = np.random.default_rng(seed)
    probabilities = draw.uniform(0.05, 0.95, 60)
    labels = (draw.random(60) < 0.3 + 0.4 * probabilities).astype(int)
    extremes = np.argsort(probabilities)[[0, 1, -2, -1]]
    labels[extremes] = [1, 0, 1, 0]
    return probabilities, labels
