"""Probabilities against pair loops and torchmetrics."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchmetrics.functional.classification import binary_auroc, multiclass_accuracy

from umind.metrics.probability import (
    auroc,
    balanced_accuracy,
    brier,
    calibration_error,
    sensitivity_at_specificity,
    specificity_at_sensitivity,
)


@settings(max_examples=50)
@given(seed=st.integers(0, 2**16), num=st.integers(2, 40), levels=st.sampled_from([3, 10, 1000]))
def test_auroc_equals_all_pairs_and_torchmetrics(seed: int, num: int, levels: int) -> None:
    scores, labels = draws(seed, num, levels)
    pairs = [(p > n) + 0.5 * (p == n) for p in scores[labels == 1] for n in scores[labels == 0]]
    assert auroc(scores, labels) == pytest.approx(np.mean(pairs))
    assert auroc(scores, labels) == pytest.approx(float(binary_auroc(*map(torch.from_numpy, (scores, labels)))), abs=1e-5)
    assert auroc(-scores, labels) == pytest.approx(1 - auroc(scores, labels))


def test_auroc_of_one_score_is_a_half() -> None:
    assert auroc(np.full(6, 0.7), np.array([0, 1, 1, 0, 0, 0])) == 0.5
    assert math.isnan(auroc(np.array([0.1, 0.2]), np.array([1, 1])))


@given(seed=st.integers(0, 2**16), num=st.integers(2, 40), levels=st.sampled_from([3, 10, 1000]), asked=st.floats(0.01, 1.0))
def test_specificity_equals_every_threshold(seed: int, num: int, levels: int, asked: float) -> None:
    scores, labels = draws(seed, num, levels)
    reached = []
    for threshold in scores:
        called = scores >= threshold
        if called[labels == 1].mean() >= asked:
            reached.append((~called[labels == 0]).mean())
    assert specificity_at_sensitivity(scores, labels, asked) == pytest.approx(max(reached))


def test_specificity_counts_whole_cases() -> None:
    scores, labels = np.arange(20) / 20, np.array([0] * 5 + [1] + [0] * 5 + [1] * 9)
    assert specificity_at_sensitivity(scores, labels, 0.9) == 1
    assert specificity_at_sensitivity(scores, labels, 0.91) == 0.5
    ladder, upper = np.arange(101) / 101, np.array([1] * 45 + [0] + [1] * 55)
    assert specificity_at_sensitivity(ladder, upper, 0.55) == 1  # 55 of 100, though 0.55 * 100 > 55 in floating point
    assert math.isnan(specificity_at_sensitivity(scores, np.ones(20, int), 0.9))
    with pytest.raises(ValueError, match="sensitivity"):
        specificity_at_sensitivity(scores, labels, 0.0)


@given(seed=st.integers(0, 2**16), num=st.integers(2, 40), levels=st.sampled_from([3, 10, 1000]), asked=st.floats(0.01, 1.0))
def test_sensitivity_equals_every_threshold(seed: int, num: int, levels: int, asked: float) -> None:
    scores, labels = draws(seed, num, levels)
    reached = []
    for threshold in [*scores, 2.0]:
        called = scores >= threshold
        if (~called[labels == 0]).mean() >= asked:
            reached.append(called[labels == 1].mean())
    got = sensitivity_at_specificity(scores, labels, asked)
    assert got == pytest.approx(max(reached))
    assert got == pytest.approx(specificity_at_sensitivity(-scores, 1 - labels, asked))  # the same question, turned round
    assert got == sensitivity_at_specificity(np.exp(3 * scores), labels, asked)  # only the order matters


def test_sensitivity_is_refused_and_undefined() -> None:
    with pytest.raises(ValueError, match="specificity"):
        sensitivity_at_specificity(np.array([0.1, 0.2]), np.array([0, 1]), 1.1)
    assert math.isnan(sensitivity_at_specificity(np.array([0.1, 0.2]), np.array([1, 1]), 0.9))


@settings(max_examples=30)
@given(seed=st.integers(0, 2**16), num=st.integers(3, 40))
def test_balanced_accuracy_equals_torchmetrics(seed: int, num: int) -> None:
    draw = np.random.default_rng(seed)
    predicted, truth = draw.integers(0, 3, num), np.concatenate([[0, 1, 2], draw.integers(0, 3, num - 3)])
    want = multiclass_accuracy(*map(torch.from_numpy, (predicted, truth)), num_classes=3, average="macro")
    assert balanced_accuracy(predicted, truth) == pytest.approx(float(want), abs=1e-6)


def test_balanced_accuracy_is_not_fooled() -> None:
    truth = np.array([0] * 9 + [1])
    assert balanced_accuracy(np.zeros(10, int), truth) == 0.5
    assert balanced_accuracy(np.array([0] * 9 + [-1]), truth) == 0.5  # an unparsable answer is wrong
    assert balanced_accuracy(np.array([2] * 9 + [1]), truth) == 0.5  # a class that never occurs adds no recall


@given(seed=st.integers(0, 2**16), num=st.integers(2, 40))
def test_brier_equals_a_loop(seed: int, num: int) -> None:
    scores, labels = draws(seed, num, 1000)
    assert brier(scores, labels) == pytest.approx(sum((p - y) ** 2 for p, y in zip(scores, labels, strict=True)) / num)


def test_calibration_equals_resampling() -> None:
    """Kumar et al.'s own procedure: draw each bin's frequency many times, subtract the excess."""
    scores, labels = draws(3, 300, 10**6)
    order = np.argsort(scores)
    bins = [(scores[rows].mean(), labels[rows].mean(), len(rows)) for rows in np.array_split(order, 15)]
    plain = sum(n * abs(p - f) for p, f, n in bins) / 300
    noise = np.random.default_rng(0).normal(size=(20000, 15))
    drawn = sum(n * np.abs(f + noise[:, i] * math.sqrt(f * (1 - f) / n) - p) for i, (p, f, n) in enumerate(bins)) / 300
    assert calibration_error(scores, labels) == pytest.approx(max(0, 2 * plain - drawn.mean()), abs=1e-3)


def test_bias_is_less_than_that_of_the_plain_error() -> None:
    draw = np.random.default_rng(0)
    calibrated, plain, shifted = [], [], []
    for _ in range(60):
        truth = draw.uniform(0.2, 0.8, 300)
        labels = (draw.random(300) < truth).astype(int)
        calibrated.append(calibration_error(truth, labels))
        shifted.append(calibration_error(truth + 0.15, labels))
        parts = np.array_split(np.argsort(truth), 15)
        plain.append(sum(len(rows) * abs(truth[rows].mean() - labels[rows].mean()) for rows in parts) / 300)
    assert np.mean(calibrated) < 0.65 * np.mean(plain)  # the right value is 0
    assert np.mean(shifted) == pytest.approx(0.15, abs=0.01)


def test_calibration_ignores_the_order_of_ties() -> None:
    scores, labels = draws(5, 200, 4)
    mixed = np.random.default_rng(1).permutation(200)
    assert calibration_error(scores[mixed], labels[mixed]) == pytest.approx(calibration_error(scores, labels))


def test_sure_and_right_sure_and_wrong() -> None:
    labels = np.array([0, 1] * 20)
    assert calibration_error(labels.astype(float), labels) == brier(labels.astype(float), labels) == 0
    assert calibration_error(1.0 - labels, labels) == brier(1.0 - labels, labels) == 1


@pytest.mark.parametrize("metric", [auroc, brier, calibration_error])
def test_what_is_refused(metric: type) -> None:
    with pytest.raises(ValueError, match="NaN"):
        metric(np.array([0.1, np.nan]), np.array([0, 1]))
    with pytest.raises(ValueError, match="labels"):
        metric(np.array([0.1, 0.2]), np.array([0, 1, 1]))
    with pytest.raises(ValueError, match="0 or 1"):
        metric(np.array([0.1, 0.2]), np.array([0, 2]))
    if metric is not auroc:
        with pytest.raises(ValueError, match=r"outside 0\.\.1"):
            metric(np.array([0.1, 1.2]), np.array([0, 1]))


def draws(seed: int, num: int, levels: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores on a grid of ``levels`` (few: many ties) and labels that follow them; both classes occur."""
    draw = np.random.default_rng(seed)
    scores = draw.integers(0, levels, num) / levels
    labels = (draw.random(num) < scores).astype(np.int64)
    labels[:2] = [0, 1]
    return scores, labels
