"""Chosen classes against torchmetrics and loops."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchmetrics.functional.classification import multiclass_cohen_kappa, multiclass_f1_score

from umind.metrics.classes import accuracy, macro_f1, quadratic_kappa

seeds = st.integers(0, 2**16)


@settings(max_examples=40)
@given(seed=seeds, num=st.integers(4, 40))
def test_f1_and_kappa_equal_torchmetrics(seed: int, num: int) -> None:
    predicted, truth = grades(seed, num)
    pair = torch.from_numpy(predicted), torch.from_numpy(truth)
    want = multiclass_f1_score(*pair, num_classes=4, average="macro")
    assert macro_f1(predicted, truth) == pytest.approx(float(want), abs=1e-6)
    kappa = multiclass_cohen_kappa(*pair, num_classes=4, weights="quadratic")
    assert quadratic_kappa(predicted, truth, 4) == pytest.approx(float(kappa), abs=1e-5)  # theirs is in float32


@given(seed=seeds, num=st.integers(4, 40))
def test_kappa_equals_the_table(seed: int, num: int) -> None:
    """Cohen 1968, formula over the table of shares."""
    predicted, truth = grades(seed, num)
    table = np.zeros((4, 4))
    for p, t in zip(predicted, truth, strict=True):
        table[t, p] += 1 / num
    weights = np.subtract.outer(range(4), range(4)) ** 2
    want = 1 - (weights * table).sum() / (weights * np.outer(table.sum(1), table.sum(0))).sum()
    got = quadratic_kappa(predicted, truth, 4)
    assert got == pytest.approx(want, abs=1e-9)
    assert got == pytest.approx(quadratic_kappa(truth, predicted, 4))
    assert got == pytest.approx(quadratic_kappa(3 - predicted, 3 - truth, 4))
    assert got <= 1 == quadratic_kappa(truth, truth, 4)


def test_planted_faults() -> None:
    truth = np.array([0, 0, 1, 1, 2, 2])
    near, far, unread = np.array([1, 0, 1, 1, 2, 2]), np.array([2, 0, 1, 1, 2, 2]), np.array([-1, 0, 1, 1, 2, 2])
    for faulty in (near, far, unread):
        assert accuracy(faulty, truth) == pytest.approx(5 / 6)
        assert macro_f1(faulty, truth) < macro_f1(truth, truth) == 1
    assert quadratic_kappa(far, truth, 3) < quadratic_kappa(near, truth, 3) < 1
    assert quadratic_kappa(unread, truth, 3) == quadratic_kappa(far, truth, 3)  # as far off as can be
    assert macro_f1(unread, truth) == pytest.approx((2 / 3 + 1 + 1) / 3)  # wrong, but no class of its own
    assert macro_f1(np.array([3, 0, 1, 1, 2, 2]), truth) == pytest.approx((2 / 3 + 1 + 1 + 0) / 4)


def test_undefined_and_refused() -> None:
    none = np.zeros(0, int)
    for value in (accuracy(none, none), macro_f1(none, none), quadratic_kappa(none, none, 3)):
        assert math.isnan(value)
    assert math.isnan(quadratic_kappa(np.ones(3, int), np.ones(3, int), 3))
    with pytest.raises(ValueError, match="cases"):
        accuracy(np.zeros(2, int), none)
    with pytest.raises(ValueError, match="negative"):
        macro_f1(np.array([0]), np.array([-1]))
    with pytest.raises(ValueError, match="above 2"):
        quadratic_kappa(np.array([3]), np.array([0]), 3)


def grades(seed: int, num: int) -> tuple[np.ndarray, np.ndarray]:
    """Two graders of four grades, each of which occurs in the truth."""
    draw = np.random.default_rng(seed)
    truth = np.concatenate([np.arange(4), draw.integers(0, 4, num - 4)])
    return (truth + draw.integers(-1, 2, num)).clip(0, 3), truth
