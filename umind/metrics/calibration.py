"""Whether 70 % means 70 %: the line and the bins behind a reliability plot."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer
from scipy.optimize import brentq, minimize
from scipy.special import expit, logit

from umind.metrics.probability import Labels, bins_of_equal_count, outcomes_of

SMALLEST = 1e-7
"""Probabilities are kept this far from 0 and 1, whose logits are infinite."""


@dataclass(frozen=True)
class CalibrationLine:
    """How probabilities would have to be stretched and shifted on the logit scale.

    Args:
        slope: 1 is perfect; below 1 the probabilities are too extreme, above 1 too timid.
        intercept: Calibration in the large: 0 is perfect; below 0 the probabilities are too high on the whole.
    """

    slope: float
    intercept: float


@dataclass(frozen=True, eq=False)
class Reliability:
    """Points of a reliability plot, one for each bin, by rising forecast.

    Args:
        forecasts: Mean probability, ``(B,)``.
        frequencies: Share that came true, ``(B,)``.
        counts: Cases, ``(B,)``.
    """

    forecasts: Float[np.ndarray, "b"]
    frequencies: Float[np.ndarray, "b"]
    counts: Integer[np.ndarray, "b"]


def calibration_line(probabilities: Float[np.ndarray, "n"], labels: Labels) -> CalibrationLine:
    """Slope and intercept of logistic recalibration (Cox 1958), as Van Calster et al. 2019 (BMC Medicine) ask for them.

    The slope is ``b`` of ``logit P(y = 1) = a + b logit p`` by maximum likelihood. The intercept is ``a`` of the same model
    with ``b`` held at 1, not the ``a`` fitted beside the slope.

    Args:
        probabilities: Of the positive class, ``(N,)`` in 0..1.
        labels: 0 or 1, ``(N,)``.

    Returns:
        NaN for both with one class; NaN for the slope where the likelihood has no single maximum: a threshold parts the
        classes without error, or all probabilities are equal.

    Raises:
        ValueError: Shapes differ, or a probability is outside 0..1.
    """
    positive = outcomes_of(probabilities, labels, bounded=True)
    if positive.all() or not positive.any():
        return CalibrationLine(math.nan, math.nan)
    z = logit(np.clip(probabilities.astype(np.float64), SMALLEST, 1 - SMALLEST))
    shift = brentq(lambda a: float((expit(a + z) - positive).sum()), -50, 50, xtol=1e-12)
    high, low = z[positive], z[~positive]
    if high.min() >= low.max() or low.min() >= high.max():
        return CalibrationLine(math.nan, float(shift))
    design = np.column_stack([np.ones_like(z), z])  # (N, 2)

    def loss(line: Float[np.ndarray, "2"]) -> float:
        return float((np.logaddexp(0, design @ line) - positive * (design @ line)).mean())

    def gradient(line: Float[np.ndarray, "2"]) -> Float[np.ndarray, "2"]:
        slope: Float[np.ndarray, "2"] = (expit(design @ line) - positive) @ design / len(z)
        return slope

    def curvature(line: Float[np.ndarray, "2"]) -> Float[np.ndarray, "2 2"]:
        chance = expit(design @ line)
        bend: Float[np.ndarray, "2 2"] = (design * (chance * (1 - chance))[:, None]).T @ design / len(z)
        return bend

    fitted = minimize(loss, np.array([0.0, 1.0]), jac=gradient, hess=curvature, method="trust-exact", options={"gtol": 1e-10})
    return CalibrationLine(float(fitted.x[1]), float(shift))


def reliability(probabilities: Float[np.ndarray, "n"], labels: Labels, num_bins: int = 15) -> Reliability:
    """Forecast and frequency in bins of equal count, those of `umind.metrics.probability.calibration_error`.

    Raises:
        ValueError: Shapes differ, a probability is outside 0..1, or there are no cases.
    """
    outcomes = outcomes_of(probabilities, labels, bounded=True)
    if not len(outcomes):
        raise ValueError("no cases to tell the reliability of")
    _, bins, counts = np.unique(bins_of_equal_count(probabilities, num_bins), return_inverse=True, return_counts=True)
    return Reliability(np.bincount(bins, probabilities) / counts, np.bincount(bins, outcomes) / counts, counts)
