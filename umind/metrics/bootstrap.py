"""Confidence intervals over patients, never over images; of one model, or of the difference between two."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

Statistic = Callable[[Int[np.ndarray, "m"]], float]
"""From row indices, ``(M,)`` with repeats, to a number: ``lambda rows: np.nanmean(dice[rows])``."""


@dataclass(frozen=True)
class Interval:
    """A statistic with its confidence interval.

    Args:
        value: The statistic of all rows.
        lower: Lower end.
        upper: Upper end.
        num_groups: Patients that were resampled.
        num_undefined: Resamples where the statistic was NaN (one class drawn); they are not in the percentiles.
    """

    value: float
    lower: float
    upper: float
    num_groups: int
    num_undefined: int


def bootstrap_interval(
    statistic: Statistic,
    groups: Sequence[Hashable],
    *,
    level: float = 0.95,
    num_resamples: int = 1000,
    seed: int = 0,
) -> Interval:
    """Percentile bootstrap (Efron 1979) that draws whole groups with replacement, so rows of one patient stay together.

    Args:
        statistic: What is estimated.
        groups: Patient (or group) of each row, ``(N,)``.
        level: Coverage.
        num_resamples: How many times to draw.
        seed: Of NumPy's default generator; the same seed gives the same interval.

    Raises:
        ValueError: There are no rows, or the level is not in (0, 1).
    """
    if not len(groups):
        raise ValueError("no rows to resample")
    if not 0 < level < 1:
        raise ValueError(f"level must be in (0, 1), got {level}")
    members: dict[Hashable, list[int]] = {}
    for row, group in enumerate(groups):
        members.setdefault(group, []).append(row)
    rows_of = [np.array(rows) for rows in members.values()]
    draw = np.random.default_rng(seed)
    picks = draw.integers(0, len(rows_of), (num_resamples, len(rows_of)))
    values = np.array([statistic(np.concatenate([rows_of[group] for group in pick])) for pick in picks], np.float64)
    defined = values[~np.isnan(values)]
    tail = 50 * (1 - level)
    lower, upper = np.percentile(defined, [tail, 100 - tail]).tolist() if len(defined) else (math.nan, math.nan)
    value = float(statistic(np.arange(len(groups))))
    return Interval(value, lower, upper, len(rows_of), num_resamples - len(defined))


def bootstrap_difference(
    first: Statistic,
    second: Statistic,
    groups: Sequence[Hashable],
    *,
    level: float = 0.95,
    num_resamples: int = 1000,
    seed: int = 0,
) -> Interval:
    """Paired percentile bootstrap of ``first - second``: both models are scored on the same patients in every resample.

    What makes a case easy or hard for both cancels, so the interval is narrower than two separate ones suggest (Efron and
    Tibshirani 1993, chapter 8). It is two-sided: ``lower`` above zero says that the first is better at a one-sided error of
    ``(1 - level) / 2``.

    Args:
        first: Statistic of one model, of row indices into the common cases.
        second: The same statistic of the other.
        groups: Patient (or group) of each row, ``(N,)``.
        level: Coverage.
        num_resamples: How many times to draw.
        seed: Of NumPy's default generator; the same seed draws the same patients as `bootstrap_interval` does.

    Raises:
        ValueError: There are no rows, or the level is not in (0, 1).
    """
    return bootstrap_interval(
        lambda rows: first(rows) - second(rows), groups, level=level, num_resamples=num_resamples, seed=seed
    )
