"""Fitting the numbers of a model's calibration, on validation images only."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
from jaxtyping import Bool, Float
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit, logit

from umind.evaluation.calipers import caliper_cases
from umind.evaluation.diagnosis import diagnosis_cases
from umind.evaluation.interview import interview
from umind.evaluation.phantoms import FOCAL, MEASURED
from umind.evaluation.presence import PresenceCase, phrases_asked, presence_cases
from umind.evaluation.segmentation import SCORED
from umind.evaluation.truth import LESION, masks_of
from umind.evaluation.verbs import Verbs
from umind.predictor import UMindVL
from umind.schema.sample import Sample
from umind.tasks.readout import Calibration

IDENTITY = Calibration(
    presence_scale=1.0,
    presence_shift=0.0,
    presence_threshold=0.5,
    score_threshold=0.5,
    answer_temperature=1.0,
    spread_scale=1.0,
)
LEAST_SENSITIVITY = 0.97
SMALLEST = 1e-7
"""Presence is read back to a logit from float32; nearer to 0 and 1 there is nothing to tell apart."""
COVERAGE, NORMAL_QUANTILE = 0.95, 1.96


@dataclass(frozen=True, eq=False)
class CountCase:
    """Candidates of one phrase on one image.

    Args:
        logit: Of its presence.
        scores: Of the candidates, presence divided out, falling.
        num_true: How many there are.
    """

    logit: float
    scores: Float[np.ndarray, "n"]
    num_true: int


@contextmanager
def uncalibrated(model: UMindVL) -> Iterator[None]:
    """The model with an identity for its calibration; what it had comes back afterwards."""
    config = model.model.config
    before = {name: getattr(config, name) for name in asdict(IDENTITY)}
    try:
        for name, value in asdict(IDENTITY).items():
            setattr(config, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(config, name, value)


def fit_calibration(model: UMindVL, samples: Iterable[Sample], phantoms: Sequence[Sample]) -> Calibration:
    """Fit all six numbers.

    Presence is fitted on the questions of `umind.evaluation.presence` put through both ``segment`` and ``detect``; its
    threshold is the one of highest balanced accuracy among those that keep a sensitivity of 0.97 on lesions. The score
    threshold gives most exact counts, phantoms with several lesions and real images with mostly one weighing the same: each
    alone pulls to its side. The temperature is the most likely one for benign and malignant. The scale of spreads makes
    1.96 of them hold 95 % of the true values of calipers on phantoms.

    Args:
        model: Its present calibration is put aside meanwhile.
        samples: Validation images; they must be walkable more than once.
        phantoms: Validation phantoms.
    """
    everything = [*phantoms]
    with uncalibrated(model):
        asked: list[PresenceCase] = []
        for verb in (model.segment, model.detect):
            for source in (samples, everything):
                asked += presence_cases(source, phrases_asked, model, verb)
        synthetic = [case for phrase in (*FOCAL, LESION) for case in count_cases(model, phantoms, (phrase,))]
        real = count_cases(model, samples, SCORED)
        lesions = diagnosis_cases(model, samples)
        calipers = [case for phrase in MEASURED for case in caliper_cases(model, phantoms, phrase)]
    logits, there = to_logit(np.array([case.presence for case in asked])), np.array([case.there for case in asked])
    scale, shift = fit_platt(logits, there)
    own = np.array([case.own for case in asked])
    threshold = fit_presence_threshold(expit(scale * logits + shift), there, own)
    malignant = to_logit(np.array([case.probability for case in lesions]))
    return Calibration(
        presence_scale=scale,
        presence_shift=shift,
        presence_threshold=threshold,
        score_threshold=fit_score_threshold((synthetic, real), scale, shift, threshold),
        answer_temperature=fit_temperature(malignant, np.array([case.malignant for case in lesions], bool)),
        spread_scale=fit_spread_scale(np.array([case.standardised for case in calipers])),
    )


def count_cases(model: Verbs, samples: Iterable[Sample], phrases: Sequence[str]) -> list[CountCase]:
    """Candidates of each of some phrases that an image shows."""

    def shown(sample: Sample) -> list[str]:
        return [phrase for phrase in phrases if len(masks_of(sample, phrase))]

    cases = []
    for sample, phrase, result in interview(model, samples, shown, partial(model.detect, threshold=0)):
        presence = max(float(result.presence), SMALLEST)
        cases.append(CountCase(float(to_logit(np.array(presence))), result.scores / presence, len(masks_of(sample, phrase))))
    return cases


def to_logit(probabilities: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
    """Logit, away from 0 and 1."""
    logits: Float[np.ndarray, "*n"] = logit(np.clip(probabilities.astype(np.float64), SMALLEST, 1 - SMALLEST))
    return logits


def fit_platt(logits: Float[np.ndarray, "n"], there: Bool[np.ndarray, "n"]) -> tuple[float, float]:
    """Scale and shift of ``sigmoid(scale * logit + shift)`` by maximum likelihood with Platt's (1999) softened targets.

    Raises:
        ValueError: Only one class.
    """
    if there.all() or not there.any():
        raise ValueError("presence wants images with and without what is asked for")
    high, low = (there.sum() + 1) / (there.sum() + 2), 1 / ((~there).sum() + 2)
    targets = np.where(there, high, low)

    def loss(numbers: Float[np.ndarray, "2"]) -> tuple[float, Float[np.ndarray, "2"]]:
        z = numbers[0] * logits + numbers[1]
        slope = (expit(z) - targets) / len(z)
        return float(np.mean(np.logaddexp(0, z) - targets * z)), np.array([slope @ logits, slope.sum()])

    scale, shift = minimize(loss, np.array([1.0, 0.0]), jac=True, method="BFGS").x.tolist()
    return scale, shift


def fit_presence_threshold(presence: Float[np.ndarray, "n"], there: Bool[np.ndarray, "n"], own: Bool[np.ndarray, "n"]) -> float:
    """Threshold of highest balanced accuracy among those whose sensitivity is at least 0.97; the middle one of equals.

    Sensitivity is that on lesions of the organ shown, where there are any: heads and vessels, which no threshold misses, would
    hide what is missed. Specificity is the mean of that on the organ's own absent structures and that on foreign ones, or
    the many easy foreign ones would decide alone.

    Args:
        presence: Calibrated.
        there: Whether what was asked for is there.
        own: Whether it belongs to the organ shown.
    """
    values = np.unique(presence)
    thresholds = np.concatenate([[values[0] / 2], (values[1:] + values[:-1]) / 2])
    lesions = there & own if (there & own).any() else there
    sensitivity = 1 - share_below(presence[lesions], thresholds)
    kinds = [kind for kind in (~there & own, ~there & ~own) if kind.any()]
    specificity = np.mean([share_below(presence[kind], thresholds) for kind in kinds], axis=0)
    worth = np.where(sensitivity >= LEAST_SENSITIVITY, sensitivity + specificity, -1)
    best = np.flatnonzero(worth == worth.max())
    return float(thresholds[best[len(best) // 2]])


def share_below(values: Float[np.ndarray, "n"], thresholds: Float[np.ndarray, "t"]) -> Float[np.ndarray, "t"]:
    """Share of the values below each threshold."""
    shares: Float[np.ndarray, "t"] = np.searchsorted(np.sort(values), thresholds) / len(values)
    return shares


def fit_score_threshold(groups: Sequence[Sequence[CountCase]], scale: float, shift: float, presence_threshold: float) -> float:
    """Threshold with most exact counts, from 0.05 to 0.95, all groups weighing the same; the middle one of equals.

    Raises:
        ValueError: Nothing to count.
    """
    if not any(groups):
        raise ValueError("the score threshold wants images with structures")
    grid = np.round(np.arange(0.05, 0.951, 0.01), 2)
    right = np.zeros(len(grid))
    for cases in groups:
        for case in cases:
            presence = float(expit(scale * case.logit + shift))
            kept = (case.scores[None] * presence >= grid[:, None]).sum(1).clip(min=min(1, len(case.scores)))
            right += ((kept if presence >= presence_threshold else 0 * kept) == case.num_true) / len(cases)
    best = np.flatnonzero(right >= right.max() - 1e-9)
    return float(grid[best[len(best) // 2]])


def fit_temperature(logits: Float[np.ndarray, "n"], truth: Bool[np.ndarray, "n"]) -> float:
    """Temperature that makes the true classes most likely; 1 without any case.

    Args:
        logits: Difference of the two options' log-likelihoods.
        truth: Whether the first of them is true.
    """
    if not len(logits):
        return 1.0
    signed = np.where(truth, logits, -logits)

    def loss(log_temperature: float) -> float:
        return float(np.logaddexp(0, -signed / math.exp(log_temperature)).mean())

    return math.exp(float(minimize_scalar(loss, bounds=(-3, 4), method="bounded").x))


def fit_spread_scale(standardised: Float[np.ndarray, "n"]) -> float:
    """What the spreads have to grow by for 95 % of the true values to lie within 1.96 of them; misses are left out."""
    known = standardised[np.isfinite(standardised)]
    if not len(known):
        return 1.0
    return float(max(np.quantile(np.abs(known), COVERAGE) / NORMAL_QUANTILE, 1e-3))
