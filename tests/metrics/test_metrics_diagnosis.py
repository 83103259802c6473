"""Diagnosis and presence: the parts, put together, and unreadable answers that are wrong."""

import math

import numpy as np
import pytest
import torch
from torchmetrics.functional.classification import multiclass_auroc

from umind.metrics.calibration import calibration_line
from umind.metrics.diagnosis import RunningDiagnosis, diagnosis_scores
from umind.metrics.presence import RunningPresence, presence_scores
from umind.metrics.probability import auroc, brier, calibration_error, sensitivity_at_specificity, specificity_at_sensitivity


def test_two_classes() -> None:
    probabilities, truth = cases(2)
    got, last = diagnosis_scores(probabilities, truth, specificity=0.8), probabilities[:, 1]
    line = calibration_line(last, truth)
    assert got.auroc == pytest.approx(auroc(last, truth))
    assert got.sensitivity == sensitivity_at_specificity(last, truth, 0.8)
    assert (got.calibration_error, got.brier) == (calibration_error(last, truth), brier(last, truth))
    assert (got.calibration_slope, got.calibration_intercept) == (line.slope, line.intercept)
    assert got.accuracy == ((last > 0.5) == truth).mean()
    assert (got.num_cases, got.num_unreadable) == (90, 0)


def test_three_classes() -> None:
    probabilities, truth = cases(3)
    got = diagnosis_scores(probabilities, truth)
    want = multiclass_auroc(torch.from_numpy(probabilities), torch.from_numpy(truth), num_classes=3)
    assert got.auroc == pytest.approx(float(want), abs=1e-6)
    by_loop = [sum((p - (k == t)) ** 2 for k, p in enumerate(row)) for row, t in zip(probabilities, truth, strict=True)]
    assert got.brier == pytest.approx(np.mean(by_loop))
    assert got.calibration_error == calibration_error(probabilities.max(1), probabilities.argmax(1) == truth)
    assert math.isnan(got.sensitivity)
    assert math.isnan(got.calibration_slope)


@pytest.mark.parametrize("num_classes", [2, 3])
def test_an_unreadable_answer_is_never_better_than_a_read_one(num_classes: int) -> None:
    probabilities, truth = cases(num_classes)
    before = diagnosis_scores(probabilities, truth)
    right = int(np.flatnonzero(probabilities.argmax(1) == truth)[0])
    silent = probabilities.copy()
    silent[right] = math.nan
    after = diagnosis_scores(silent, truth)
    for name in ("auroc", "accuracy", "balanced_accuracy", "macro_f1", "quadratic_kappa"):
        assert getattr(after, name) < getattr(before, name), name
    assert after.brier > before.brier
    assert after.accuracy == pytest.approx(before.accuracy - 1 / 90)
    assert (after.num_cases, after.num_unreadable) == (90, 1)


def test_swapped_labels_change_everything() -> None:
    probabilities, truth = cases(2)
    before, after = diagnosis_scores(probabilities, truth), diagnosis_scores(probabilities, 1 - truth)
    assert after.auroc == pytest.approx(1 - before.auroc)
    assert after.accuracy == pytest.approx(1 - before.accuracy)
    assert after.quadratic_kappa < 0 < before.quadratic_kappa
    assert after.brier > before.brier
    assert after.calibration_slope < 0 < before.calibration_slope


def test_running_diagnosis() -> None:
    probabilities, truth = cases(3)
    running = RunningDiagnosis(3)
    for row, label in zip(probabilities, truth, strict=True):
        running.update(row, int(label))
    running.update(None, 2)
    got = {name: float(value) for name, value in running.compute().items()}
    want = diagnosis_scores(np.concatenate([probabilities, np.full((1, 3), math.nan)]), np.append(truth, 2))
    assert got == pytest.approx(vars(want), nan_ok=True)
    with pytest.raises(ValueError, match="3 classes"):
        running.update(np.array([0.5, 0.5]), 1)


def test_what_is_refused() -> None:
    probabilities, truth = cases(2)
    for wrong, labels in ((probabilities, truth + 1), (probabilities[:, :1], truth * 0), (probabilities[1:], truth)):
        with pytest.raises(ValueError, match="do not fit"):
            diagnosis_scores(wrong, labels)
    with pytest.raises(ValueError, match="sum to 1"):
        diagnosis_scores(probabilities * 0.9, truth)
    assert math.isnan(diagnosis_scores(np.zeros((0, 2)), np.zeros(0, int)).accuracy)


def test_presence_parts_and_unreadable_answers() -> None:
    probabilities, truth = cases(2)
    presence = probabilities[:, 1]
    got = presence_scores(presence, truth)
    assert got.auroc == auroc(presence, truth)
    assert got.specificity == specificity_at_sensitivity(presence, truth, 0.95)
    assert got.calibration_error == calibration_error(presence, truth)
    assert (got.num_present, got.num_absent) == (int(truth.sum()), int((1 - truth).sum()))
    silent = presence.copy()
    silent[np.argmax(presence * truth)] = math.nan
    after = presence_scores(silent, truth)
    assert after.auroc < got.auroc
    assert after.num_unreadable == 1
    assert presence_scores(1 - presence, truth).auroc == pytest.approx(1 - got.auroc)
    with pytest.raises(ValueError, match="questions"):
        presence_scores(presence, truth[1:])


def test_running_presence() -> None:
    probabilities, truth = cases(2)
    running = RunningPresence(sensitivity=0.9)
    for value, label in zip(probabilities[:, 1], truth, strict=True):
        running.update(float(value), bool(label))
    running.update(None, True)
    want = presence_scores(np.append(probabilities[:, 1], math.nan), np.append(truth, 1), sensitivity=0.9)
    assert {name: float(value) for name, value in running.compute().items()} == vars(want)


def cases(num_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Ninety cases whose probabilities lean towards the truth."""
    draw = np.random.default_rng(num_classes)
    truth = np.arange(90) % num_classes
    odds = np.exp(draw.normal(0, 1, (90, num_classes)) + 1.2 * np.eye(num_classes)[truth])
    return odds / odds.sum(1, keepdims=True), truth
