"""Calibration: planted distortions are found, and the raw outputs are what is fitted."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
from evaluation_oracle import Oracle, shown
from scipy.special import expit

from umind.evaluation.calibration import (
    IDENTITY,
    CountCase,
    fit_calibration,
    fit_platt,
    fit_presence_threshold,
    fit_score_threshold,
    fit_spread_scale,
    fit_temperature,
    uncalibrated,
)
from umind.evaluation.phantoms import draw_phantoms
from umind.metrics.probability import calibration_error


def test_platt_finds_the_planted_line() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, 20_000)
    there = rng.random(20_000) < expit(0.5 * logits - 1)
    scale, shift = fit_platt(logits, there)
    assert (scale, shift) == pytest.approx((0.5, -1), abs=0.06)
    assert calibration_error(expit(scale * logits + shift), there) < 0.01 < calibration_error(expit(logits), there)


def test_platt_stays_finite_when_classes_part() -> None:
    scale, shift = fit_platt(np.array([-2.0, -1, 1, 2]), np.array([False, False, True, True]))
    assert 0 < scale < 10
    assert abs(shift) < 1
    with pytest.raises(ValueError, match="with and without"):
        fit_platt(np.array([1.0]), np.array([True]))


def test_presence_threshold_keeps_sensitivity() -> None:
    presence = np.concatenate([np.linspace(0.3, 1, 100), np.linspace(0, 0.6, 100)])
    there = np.repeat([True, False], 100)
    own = np.zeros(200, bool)
    threshold = fit_presence_threshold(presence, there, own)
    assert (presence[there] >= threshold).mean() >= 0.97
    assert threshold == pytest.approx(0.315, abs=0.01)
    parted = fit_presence_threshold(np.array([0.1, 0.2, 0.7, 0.9]), np.array([False, False, True, True]), own[:4])
    assert parted == pytest.approx(0.45)


def test_look_alikes_weigh_as_much_as_strangers() -> None:
    presence = np.concatenate([np.linspace(0.3, 1, 100), np.full(500, 0.1), np.full(5, 0.305)])
    there, own = np.arange(605) < 100, np.arange(605) >= 600
    threshold = fit_presence_threshold(presence, there, own)
    assert 0.305 < threshold < 0.32


def test_what_is_never_missed_does_not_hide_missed_lesions() -> None:
    lesions, heads, normals = np.linspace(0.2, 1, 100), np.full(900, 0.99), np.full(20, 0.4)
    presence = np.concatenate([lesions, heads, normals])
    there, own = np.arange(1020) < 1000, (np.arange(1020) < 100) | (np.arange(1020) >= 1000)
    threshold = fit_presence_threshold(presence, there, own)
    assert (lesions >= threshold).mean() >= 0.97
    assert (presence[there] >= 0.41).mean() >= 0.97  # which would have silenced the normal images


def test_score_threshold_counts_best() -> None:
    cases = [CountCase(6.0, np.array([0.9, 0.8, 0.3]), 2), CountCase(6.0, np.array([0.7, 0.4]), 1)]
    assert 0.4 < fit_score_threshold((cases, []), 1.0, 0.0, 0.5) < 0.7
    halved = fit_score_threshold((cases,), 1.0, -6.0, 0.5)  # presence one half: scores of the verbs are half as high
    assert 0.2 < halved < 0.35
    many = [CountCase(6.0, np.array([0.9, 0.2]), 2)] * 50
    few = [CountCase(6.0, np.array([0.9, 0.3]), 1), CountCase(6.0, np.array([0.9, 0.1]), 1)]
    assert 0.1 < fit_score_threshold((many, few), 1.0, 0.0, 0.5) < 0.2  # all of one and half of the other
    with pytest.raises(ValueError, match="structures"):
        fit_score_threshold(([], []), 1.0, 0.0, 0.5)


def test_temperature() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, 20_000)
    truth = rng.random(20_000) < expit(logits)
    assert fit_temperature(3 * logits, truth) == pytest.approx(3, rel=0.05)
    assert fit_temperature(np.zeros(0), np.zeros(0, bool)) == 1


def test_spread_scale_covers_what_it_claims_whatever_the_tails() -> None:
    rng = np.random.default_rng(0)
    assert fit_spread_scale(rng.normal(0, 2.5, 40_000)) == pytest.approx(2.5, rel=0.02)
    errors = 2.5 * rng.standard_t(2, 4000)
    errors[:20] = np.nan
    assert np.mean(np.abs(errors[20:]) <= 1.96 * fit_spread_scale(errors)) == pytest.approx(0.95, abs=1e-3)
    assert fit_spread_scale(np.zeros(0)) == 1


def test_identity_while_fitting_and_the_old_numbers_after() -> None:
    oracle = Oracle([])
    oracle.model.config.presence_scale = 3.0
    with uncalibrated(oracle):
        assert oracle.model.config.presence_scale == 1
    assert oracle.model.config.presence_scale == 3


def test_all_six() -> None:
    phantoms = draw_phantoms(range(12), size=64)
    lesions = [
        shown(f"{k}", [(5, 5, 30 + k, 30)], kind="malignant" if k % 2 else "benign", absent=("fetal head",)) for k in range(10)
    ]
    images = [*lesions, *phantoms]
    fitted = fit_calibration(Oracle(images, scale=1.05), lesions, phantoms)
    assert asdict(fitted).keys() == asdict(IDENTITY).keys()
    assert all(np.isfinite(value) for value in asdict(fitted).values())
    assert 0 < fitted.presence_threshold < 1
    assert fitted.presence_scale > 1  # 0.9 and 0.1 for what is always right: it may be surer
    assert fitted.spread_scale == pytest.approx(0.05 / 0.105 / 1.96, rel=1e-3)
    assert 0.05 <= fitted.score_threshold <= 0.95
