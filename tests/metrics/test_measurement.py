"""Agreement of numbers, against published tables and plain loops."""

import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umind.metrics.measurement import (
    RunningMeasurement,
    agreement,
    bland_altman_points,
    intraclass_correlation,
    share_within,
)

# Shrout and Fleiss, Psychological Bulletin 1979, table 2: six targets, four judges.
SHROUT_FLEISS = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float)

# Bland and Altman, Lancet 1986, table 1: peak flow, large and mini meter, first readings (l/min).
LARGE = np.array([494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427], float)
MINI = np.array([512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451], float)


def test_bland_altman_1986() -> None:
    """Printed there: mean difference -2.1, SD 38.8, limits -79.7 and 75.5 with 2 SD; SE of the bias 9.4, of a limit 16.3."""
    got = agreement(LARGE, MINI)
    assert got.bias == pytest.approx(-2.1, abs=0.05)
    assert got.sd == pytest.approx(38.8, abs=0.05)
    assert got.lower == pytest.approx(-2.1 - 1.96 * 38.8, abs=0.15)
    assert got.upper == pytest.approx(-2.1 + 1.96 * 38.8, abs=0.15)
    assert got.bias_error == pytest.approx(9.4, abs=0.05)
    assert got.limit_error == pytest.approx(16.3, abs=0.3)  # printed with the approximation sqrt(3 sd^2 / n)
    means, differences = bland_altman_points(LARGE, MINI)
    assert (means[0], differences[0]) == (503, -18)


@given(seed=st.integers(0, 2**16), num=st.integers(2, 30))
def test_agreement_equals_a_loop(seed: int, num: int) -> None:
    draw = np.random.default_rng(seed)
    reference = draw.uniform(10, 100, num)
    predicted = reference + draw.normal(1, 5, num)
    gaps = [p - r for p, r in zip(predicted.tolist(), reference.tolist(), strict=True)]
    got = agreement(predicted, reference)
    assert got.mae == pytest.approx(statistics.fmean(map(abs, gaps)))
    assert got.mae_percent == pytest.approx(statistics.fmean(100 * abs(g) / r for g, r in zip(gaps, reference, strict=True)))
    assert got.bias == pytest.approx(statistics.fmean(gaps))
    assert got.sd == pytest.approx(statistics.stdev(gaps))
    assert (got.upper - got.lower) == pytest.approx(2 * 1.96 * statistics.stdev(gaps))


def test_missed_cases_are_told() -> None:
    got = agreement(np.array([10.0, np.nan, 33.0]), np.array([10.0, 20.0, 30.0]))
    assert (got.num_cases, got.num_missed) == (2, 1)
    assert got.mae == 1.5
    assert got.mae_percent == 5
    nothing = agreement(np.array([np.nan]), np.array([10.0]))
    assert (nothing.num_cases, nothing.num_missed) == (0, 1)
    assert math.isnan(nothing.mae)
    assert math.isnan(agreement(np.array([11.0]), np.array([10.0])).sd)


@pytest.mark.parametrize("reference", [[0.0, 1.0], [-1.0, 1.0], [np.nan, 1.0], [np.inf, 1.0]])
def test_references_are_positive(reference: list[float]) -> None:
    with pytest.raises(ValueError, match="positive"):
        agreement(np.ones(2), np.array(reference))
    with pytest.raises(ValueError, match="references"):
        agreement(np.ones(3), np.ones(2))


def test_shrout_fleiss_1979() -> None:
    """Printed there: ICC(2,1) = .29; the interval .0188 to .7611 is what R's psych and irr give for the table."""
    got = intraclass_correlation(SHROUT_FLEISS)
    assert got.value == pytest.approx(0.2898, abs=5e-5)
    assert got.lower == pytest.approx(0.0188, abs=5e-5)
    assert got.upper == pytest.approx(0.7611, abs=5e-5)


@given(seed=st.integers(0, 2**16), num=st.integers(3, 12), raters=st.integers(2, 4))
def test_icc_equals_the_sums_of_squares(seed: int, num: int, raters: int) -> None:
    draw = np.random.default_rng(seed)
    table = draw.normal(0, 4, (num, 1)) + draw.normal(0, 1, (1, raters)) + draw.normal(0, 1, (num, raters))
    grand = table.mean()
    rows = sum(raters * (table[i].mean() - grand) ** 2 for i in range(num)) / (num - 1)
    columns = sum(num * (table[:, j].mean() - grand) ** 2 for j in range(raters)) / (raters - 1)
    rest = sum((table[i, j] - table[i].mean() - table[:, j].mean() + grand) ** 2 for i in range(num) for j in range(raters)) / (
        (num - 1) * (raters - 1)
    )
    want = (rows - rest) / (rows + (raters - 1) * rest + raters * (columns - rest) / num)
    got = intraclass_correlation(table)
    assert got.value == pytest.approx(want)
    assert got.lower <= got.value <= got.upper


def test_icc_sees_a_constant_offset() -> None:
    """Correlation would be perfect; absolute agreement is not."""
    truth = np.arange(10, dtype=float)
    assert intraclass_correlation(np.stack([truth, truth], 1)).value == 1
    assert intraclass_correlation(np.stack([truth, truth + 5], 1)).value < 0.5


def test_icc_of_nothing() -> None:
    with pytest.raises(ValueError, match="equal"):
        intraclass_correlation(np.ones((4, 2)))
    with pytest.raises(ValueError, match="two cases"):
        intraclass_correlation(np.ones((1, 2)))
    with pytest.raises(ValueError, match="gaps"):
        intraclass_correlation(np.array([[1.0, np.nan], [2.0, 2.0]]))
    offset_only = intraclass_correlation(np.array([[1.0, 2.0]] * 4))
    assert offset_only.value == 0
    assert math.isnan(offset_only.lower)


def test_share_within_counts_what_was_missed() -> None:
    predicted, reference = np.array([102.0, 106.0, np.nan, 41.0]), np.array([100.0, 100.0, 100.0, 40.0])
    assert share_within(predicted, reference, 2.0) == 0.5
    assert share_within(predicted, reference, 0.01 * reference) == 0
    assert share_within(predicted, reference, 0.025 * reference) == 0.5
    assert math.isnan(share_within(np.zeros(0), np.zeros(0), 1.0))
    with pytest.raises(ValueError, match="negative"):
        share_within(predicted, reference, -1.0)
    with pytest.raises(ValueError, match="finite"):
        share_within(reference, predicted, 1.0)


@given(seed=st.integers(0, 2**16), shift=st.floats(0.1, 5))
def test_a_shift_is_a_bias_and_lowers_the_icc(seed: int, shift: float) -> None:
    reference = np.random.default_rng(seed).uniform(10, 100, 12)
    got, exact = agreement(reference + shift, reference), np.column_stack([reference, reference])
    assert (got.bias, got.mae) == pytest.approx((shift, shift))
    assert got.upper - got.lower == pytest.approx(0, abs=1e-9)
    assert intraclass_correlation(exact + np.array([shift, 0])).value < intraclass_correlation(exact).value == 1


def test_running_measurement() -> None:
    running = RunningMeasurement(5.0, percent=True)
    pairs = [(494.0, 512.0), (395.0, 430.0), (None, 400.0), (516.0, 520.0)]
    for predicted, reference in pairs:
        running.update(predicted, reference)
    got = {name: float(value) for name, value in running.compute().items()}
    values, references = np.array([494.0, 395, np.nan, 516]), np.array([512.0, 430, 400, 520])
    told, icc = agreement(values, references), intraclass_correlation(np.column_stack([values, references])[[0, 1, 3]])
    for name in ("mae", "mae_percent", "bias", "lower", "upper", "num_cases", "num_missed"):
        assert got[name] == getattr(told, name)
    assert (got["icc"], got["icc_lower"], got["icc_upper"]) == (icc.value, icc.lower, icc.upper)
    assert got["within"] == 0.5
    running.reset()
    running.update(None, 400.0)
    assert math.isnan(running.compute()["icc"])
    assert float(running.compute()["within"]) == 0
