"""Intervals over patients: against scipy, and against the mistake of resampling images."""

import numpy as np
import pytest
from scipy.stats import bootstrap

from umind.metrics.bootstrap import Statistic, bootstrap_difference, bootstrap_interval


def test_equals_scipy_when_every_row_is_a_patient() -> None:
    values = np.random.default_rng(0).gamma(2, 1, 60)
    got = bootstrap_interval(lambda rows: float(values[rows].mean()), range(60), num_resamples=4000)
    want = bootstrap(
        (values,), np.mean, method="percentile", n_resamples=4000, rng=np.random.default_rng(1)
    ).confidence_interval
    assert (got.lower, got.upper) == pytest.approx((want.low, want.high), abs=0.02)
    assert got.value == values.mean()


def test_equals_scipy_over_patient_means() -> None:
    """Groups of equal size: the mean of rows is the mean of patients' means."""
    draw = np.random.default_rng(2)
    patients = draw.normal(size=20)
    values = np.repeat(patients, 5) + draw.normal(0, 0.1, 100)
    groups = [f"p{i}" for i in range(20) for _ in range(5)]
    got = bootstrap_interval(lambda rows: float(values[rows].mean()), groups, num_resamples=4000)
    means = values.reshape(20, 5).mean(1)
    want = bootstrap((means,), np.mean, method="percentile", n_resamples=4000, rng=np.random.default_rng(1)).confidence_interval
    assert (got.lower, got.upper) == pytest.approx((want.low, want.high), abs=0.04)
    assert got.num_groups == 20
    images = bootstrap_interval(lambda rows: float(values[rows].mean()), range(100), num_resamples=4000)
    assert images.upper - images.lower < 0.6 * (got.upper - got.lower)  # the planted mistake: falsely narrow


def test_rows_of_a_patient_stay_together() -> None:
    groups = ["a", "b", "a", "c", "c", "c"]

    def together(rows: np.ndarray) -> float:
        counts = np.bincount(rows, minlength=6)
        assert counts[0] == counts[2]
        assert counts[3] == counts[4] == counts[5]
        assert counts[0] + counts[1] + counts[3] == 3
        return 0.0

    bootstrap_interval(together, groups, num_resamples=50)


def test_seeded() -> None:
    values = np.random.default_rng(0).normal(size=30)

    def run(seed: int) -> tuple[float, float]:
        got = bootstrap_interval(lambda rows: float(values[rows].mean()), range(30), num_resamples=100, seed=seed)
        return got.lower, got.upper

    assert run(3) == run(3)
    assert run(3) != run(4)


def test_level_widens() -> None:
    values = np.random.default_rng(0).normal(size=30)
    wide, narrow = (
        bootstrap_interval(lambda rows: float(values[rows].mean()), range(30), level=level) for level in (0.99, 0.5)
    )
    assert wide.lower < narrow.lower < narrow.upper < wide.upper


def test_undefined_resamples_are_told() -> None:
    labels = np.array([0, 1])
    got = bootstrap_interval(lambda rows: float("nan") if len(set(labels[rows])) < 2 else 1.0, range(2), num_resamples=200)
    assert (got.value, got.lower, got.upper) == (1, 1, 1)
    assert 60 < got.num_undefined < 140
    never = bootstrap_interval(lambda rows: float("nan"), range(2), num_resamples=10)
    assert np.isnan([never.lower, never.upper]).all()


def test_difference_equals_the_bootstrap_of_paired_differences() -> None:
    """For a mean, the difference of statistics is the statistic of differences, which scipy resamples."""
    draw = np.random.default_rng(5)
    hard = draw.normal(0, 1, 60)
    ours, theirs = hard + draw.normal(0.2, 0.1, 60), hard + draw.normal(0, 0.1, 60)

    def mean_of(values: np.ndarray) -> Statistic:
        return lambda rows: float(values[rows].mean())

    got = bootstrap_difference(mean_of(ours), mean_of(theirs), range(60), num_resamples=4000)
    want = bootstrap(
        (ours - theirs,), np.mean, method="percentile", n_resamples=4000, rng=np.random.default_rng(1)
    ).confidence_interval
    assert got.value == pytest.approx((ours - theirs).mean())
    assert (got.lower, got.upper) == pytest.approx((want.low, want.high), abs=0.005)
    alone = bootstrap_interval(mean_of(ours), range(60), num_resamples=4000)
    assert got.upper - got.lower < 0.3 * (alone.upper - alone.lower)  # what both find hard cancels
    assert got.lower > 0
    turned = bootstrap_difference(mean_of(theirs), mean_of(ours), range(60), num_resamples=4000)
    assert (turned.lower, turned.upper) == pytest.approx((-got.upper, -got.lower))
    same = bootstrap_difference(mean_of(ours), mean_of(ours), range(60))
    assert (same.value, same.lower, same.upper) == (0, 0, 0)


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match="no rows"):
        bootstrap_interval(lambda rows: 0.0, [])
    with pytest.raises(ValueError, match="level"):
        bootstrap_interval(lambda rows: 0.0, [1], level=95.0)
