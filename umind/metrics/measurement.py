"""Agreement of measured numbers with reference numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.stats import f as f_distribution

from umind.metrics.cases import RunningCases, Scores, as_scores

LIMIT = 1.96  # standard normal quantile of 97.5 %, rounded as Bland and Altman print it


@dataclass(frozen=True)
class Agreement:
    """Errors and Bland-Altman numbers, in the unit of the measurements unless a name says percent.

    Args:
        mae: Mean absolute error.
        mae_percent: Mean of the absolute error in percent of the reference.
        bias: Mean of predicted minus reference.
        sd: Standard deviation of the differences, n - 1; NaN below two cases.
        lower: Lower 95 % limit of agreement, ``bias - 1.96 sd``.
        upper: Upper 95 % limit of agreement, ``bias + 1.96 sd``.
        bias_error: Standard error of the bias, ``sd / sqrt(n)``.
        limit_error: Standard error of each limit, ``sd sqrt(1/n + 1.96^2 / (2 (n - 1)))``.
        num_cases: Pairs compared.
        num_missed: Cases without a prediction; they are in none of the numbers above and must be told with them.
    """

    mae: float
    mae_percent: float
    bias: float
    sd: float
    lower: float
    upper: float
    bias_error: float
    limit_error: float
    num_cases: int
    num_missed: int


@dataclass(frozen=True)
class IntraclassCorrelation:
    """ICC(2,1) with its confidence interval.

    Args:
        value: The coefficient; 1 is perfect, it may fall below 0.
        lower: Lower end of the 95 % interval.
        upper: Upper end of the 95 % interval.
    """

    value: float
    lower: float
    upper: float


def agreement(predicted: Float[np.ndarray, "n"], reference: Float[np.ndarray, "n"]) -> Agreement:
    """Bland and Altman, Lancet 1986; standard error of the limits from Stat Methods Med Res 1999, section 3.

    Args:
        predicted: Measured values, ``(N,)``; NaN where nothing was measured.
        reference: True values in the same unit, ``(N,)``, positive.

    Raises:
        ValueError: Shapes differ, or a reference is not a positive number.
    """
    if predicted.shape != reference.shape:
        raise ValueError(f"{predicted.shape} predictions for {reference.shape} references")
    if not (np.isfinite(reference) & (reference > 0)).all():
        raise ValueError("references must be positive numbers")
    measured = ~np.isnan(predicted)
    differences = (predicted - reference)[measured]
    n = len(differences)
    if not n:
        nan = math.nan
        return Agreement(nan, nan, nan, nan, nan, nan, nan, nan, num_cases=0, num_missed=len(predicted))
    bias = float(differences.mean())
    sd = float(differences.std(ddof=1)) if n > 1 else math.nan
    return Agreement(
        mae=float(np.abs(differences).mean()),
        mae_percent=float((np.abs(differences) / reference[measured]).mean() * 100),
        bias=bias,
        sd=sd,
        lower=bias - LIMIT * sd,
        upper=bias + LIMIT * sd,
        bias_error=sd / math.sqrt(n),
        limit_error=sd * math.sqrt(1 / n + LIMIT**2 / (2 * (n - 1))) if n > 1 else math.nan,
        num_cases=n,
        num_missed=len(predicted) - n,
    )


def share_within(
    predicted: Float[np.ndarray, "n"], reference: Float[np.ndarray, "n"], tolerance: float | Float[np.ndarray, "n"]
) -> float:
    """Share of *all* cases whose error is at most a clinical tolerance; a case without a prediction is not; NaN for no cases.

    Args:
        predicted: Measured values, ``(N,)``; NaN where nothing was measured.
        reference: True values in the same unit, ``(N,)``.
        tolerance: In that unit, one for all or one for each (``0.05 * reference`` for 5 %).

    Raises:
        ValueError: Shapes differ, a reference is not finite, or a tolerance is negative.
    """
    if predicted.shape != reference.shape or not np.isfinite(reference).all():
        raise ValueError(f"{predicted.shape} predictions for {reference.shape} references, which must be finite")
    if (np.asarray(tolerance) < 0).any():
        raise ValueError("a tolerance is not negative")
    return float((np.abs(predicted - reference) <= tolerance).mean()) if len(reference) else math.nan


def bland_altman_points(
    predicted: Float[np.ndarray, "n"], reference: Float[np.ndarray, "n"]
) -> tuple[Float[np.ndarray, "n"], Float[np.ndarray, "n"]]:
    """Means and differences of each pair, x and y of the plot, in the unit of the measurements."""
    means: Float[np.ndarray, "n"] = (predicted + reference) / 2
    differences: Float[np.ndarray, "n"] = predicted - reference
    return means, differences


def intraclass_correlation(ratings: Float[np.ndarray, "n k"]) -> IntraclassCorrelation:
    """ICC(2,1): two-way random effects, absolute agreement, single rater (Shrout and Fleiss 1979).

    Args:
        ratings: One row for each case, one column for each rater (or: predicted, reference), ``(N, K)``.

    Raises:
        ValueError: Fewer than two cases or raters, a missing value, or all values equal.
    """
    n, k = ratings.shape
    if n < 2 or k < 2 or not np.isfinite(ratings).all():
        raise ValueError(f"ICC wants at least two cases and two raters without gaps, got {ratings.shape}")
    values = ratings.astype(np.float64)
    centred = values - values.mean()
    cases, raters = centred.mean(1), centred.mean(0)
    between_cases = k * float(cases @ cases) / (n - 1)
    between_raters = n * float(raters @ raters) / (k - 1)
    residual = centred - cases[:, None] - raters
    error = float((residual**2).sum()) / ((n - 1) * (k - 1))
    spread = between_cases + (k - 1) * error + k * (between_raters - error) / n
    if spread <= 0:
        raise ValueError("all ratings are equal: there is nothing to correlate")
    value = (between_cases - error) / spread
    if error <= 1e-12 * spread and between_raters <= 1e-12 * spread:
        return IntraclassCorrelation(1.0, 1.0, 1.0)

    # Satterthwaite's degrees of freedom; both means are scaled by the error so that a vanishing error stays finite.
    a, b = k * value * between_raters, (n * (1 + (k - 1) * value) - k * value) * error
    if a == b == 0:  # every rater gives every case the same value
        return IntraclassCorrelation(value, math.nan, math.nan)
    freedom = (k - 1) * (n - 1) * (a + b) ** 2 / ((n - 1) * a**2 + b**2)
    high = float(f_distribution.ppf(0.975, n - 1, freedom))
    low = float(f_distribution.ppf(0.975, freedom, n - 1))
    rest = k * between_raters + (k * n - k - n) * error
    return IntraclassCorrelation(
        value,
        n * (between_cases - high * error) / (high * rest + n * between_cases),
        n * (low * between_cases - error) / (rest + n * low * between_cases),
    )


class RunningMeasurement(RunningCases):
    """Measured numbers against references as they come, all of one protocol and one unit.

    ``compute`` returns ``mae``, ``mae_percent``, ``bias``, ``lower``, ``upper``, ``num_cases`` and ``num_missed`` of
    `agreement`, ``icc``, ``icc_lower`` and ``icc_upper`` of `intraclass_correlation` over the cases measured (NaN where it is
    undefined), and ``within``, the share of all cases within the tolerance.

    Args:
        tolerance: Clinical tolerance, in the unit of the measurements.
        percent: The tolerance is in percent of the reference.
    """

    higher_is_better = False

    def __init__(self, tolerance: float, *, percent: bool = False) -> None:
        super().__init__(pairs=2)
        self.tolerance, self.percent = tolerance, percent

    def update(self, predicted: float | None, reference: float) -> None:
        """Add one case; None when nothing was measured. The reference is positive, or ``compute`` refuses."""
        self.keep("pairs", [[math.nan if predicted is None else predicted, reference]])

    def compute(self) -> Scores:
        """Scores so far."""
        predicted, reference = self.kept("pairs").T
        told = agreement(predicted, reference)
        measured = self.kept("pairs")[~np.isnan(predicted)]
        try:
            correlation = intraclass_correlation(measured)
        except ValueError:
            correlation = IntraclassCorrelation(math.nan, math.nan, math.nan)
        limit = self.tolerance * reference / 100 if self.percent else self.tolerance
        fields = ("mae", "mae_percent", "bias", "lower", "upper", "num_cases", "num_missed")
        return as_scores(
            {name: getattr(told, name) for name in fields}
            | {"icc": correlation.value, "icc_lower": correlation.lower, "icc_upper": correlation.upper}
            | {"within": share_within(predicted, reference, limit)}
        )
