"""Probabilities and the decisions made from them. ``labels`` are 1 for positive, 0 for negative."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Bool, Float, Integer
from scipy.special import ndtr
from scipy.stats import rankdata

Labels = Integer[np.ndarray, "n"] | Bool[np.ndarray, "n"]


def auroc(scores: Float[np.ndarray, "n"], labels: Labels) -> float:
    """Area under the ROC curve as the Mann-Whitney statistic: ties count one half (Hanley and McNeil 1982); NaN with one class.

    Args:
        scores: Higher means more positive, ``(N,)``; need not be probabilities.
        labels: 0 or 1, ``(N,)``.

    Raises:
        ValueError: Shapes differ, or a score is NaN.
    """
    positive = outcomes_of(scores, labels)
    num_positive, num_negative = int(positive.sum()), int((~positive).sum())
    if not num_positive or not num_negative:
        return math.nan
    rank_sum = float(rankdata(scores)[positive].sum())
    return (rank_sum - num_positive * (num_positive + 1) / 2) / (num_positive * num_negative)


def specificity_at_sensitivity(scores: Float[np.ndarray, "n"], labels: Labels, sensitivity: float) -> float:
    """Highest specificity of any threshold ``score >= t`` whose sensitivity is at least the one asked for; NaN with one class.

    Args:
        scores: Higher means more positive, ``(N,)``.
        labels: 0 or 1, ``(N,)``.
        sensitivity: In (0, 1].

    Raises:
        ValueError: Shapes differ, a score is NaN, or the sensitivity is out of range.
    """
    if not 0 < sensitivity <= 1:
        raise ValueError(f"sensitivity must be in (0, 1], got {sensitivity}")
    positive = outcomes_of(scores, labels)
    hits = np.sort(scores[positive])[::-1]
    if not len(hits) or len(hits) == len(scores):
        return math.nan
    needed = math.ceil(sensitivity * len(hits) - 1e-9)  # 0.9 of 10 positives is 9, not 10 by rounding
    return float((scores[~positive] < hits[needed - 1]).mean())


def sensitivity_at_specificity(scores: Float[np.ndarray, "n"], labels: Labels, specificity: float) -> float:
    """Highest sensitivity of any threshold ``score >= t`` whose specificity is at least the one asked for; NaN with one class.

    Args:
        scores: Higher means more positive, ``(N,)``.
        labels: 0 or 1, ``(N,)``.
        specificity: In (0, 1].

    Raises:
        ValueError: Shapes differ, a score is NaN, or the specificity is out of range.
    """
    if not 0 < specificity <= 1:
        raise ValueError(f"specificity must be in (0, 1], got {specificity}")
    positive = outcomes_of(scores, labels)
    alarms = np.sort(scores[~positive])
    if not len(alarms) or len(alarms) == len(scores):
        return math.nan
    needed = math.ceil(specificity * len(alarms) - 1e-9)
    return float((scores[positive] > alarms[needed - 1]).mean())


def balanced_accuracy(predicted: Integer[np.ndarray, "n"], truth: Integer[np.ndarray, "n"]) -> float:
    """Mean recall over the classes that occur in the truth (Brodersen et al. 2010); NaN for no cases.

    Args:
        predicted: Class indices, ``(N,)``; an unparsable answer gets an index that no class has, such as -1.
        truth: Class indices, ``(N,)``.

    Raises:
        ValueError: Shapes differ.
    """
    if predicted.shape != truth.shape:
        raise ValueError(f"{predicted.shape} predictions for {truth.shape} cases")
    recalls = [float((predicted[truth == label] == label).mean()) for label in np.unique(truth)]
    return float(np.mean(recalls)) if recalls else math.nan


def brier(probabilities: Float[np.ndarray, "n"], labels: Labels) -> float:
    """Mean squared difference of probability and outcome (Brier 1950, in the halved form for two classes); NaN for no cases.

    Raises:
        ValueError: Shapes differ, or a probability is outside 0..1.
    """
    outcomes = outcomes_of(probabilities, labels, bounded=True).astype(np.float64)
    return float(((probabilities - outcomes) ** 2).mean()) if len(outcomes) else math.nan


def calibration_error(probabilities: Float[np.ndarray, "n"], labels: Labels, num_bins: int = 15) -> float:
    """Expected calibration error over bins of equal count, its bias taken out; NaN below two cases.

    The plain ECE of a finite sample is positive even for a perfect forecaster. Kumar, Liang and Ma (2019, appendix) subtract
    the excess that resampling each bin's frequency from ``N(f, f (1 - f) / n)`` would add. The mean of a folded normal gives
    that expectation in closed form, so nothing is drawn at random here. Of a perfect forecaster's bias this takes two fifths,
    of a poor one's nearly all: compare values only at equal N and ``num_bins``.

    Args:
        probabilities: Of the positive class, or the confidence of the chosen class, ``(N,)`` in 0..1.
        labels: 1 where it came true (where the chosen class was right), ``(N,)``.
        num_bins: Bins; fewer when there are not two cases for each. Equal probabilities share a bin.

    Returns:
        In 0..1; 0 when the bias exceeds the error.

    Raises:
        ValueError: Shapes differ, or a probability is outside 0..1.
    """
    outcomes = outcomes_of(probabilities, labels, bounded=True).astype(np.float64)
    if len(outcomes) < 2:
        return math.nan
    bins, total = bins_of_equal_count(probabilities, num_bins), 0.0
    for rows in (bins == index for index in np.unique(bins)):
        num, frequency, forecast = int(rows.sum()), float(outcomes[rows].mean()), float(probabilities[rows].mean())
        gap, noise = abs(frequency - forecast), math.sqrt(frequency * (1 - frequency) / num)
        total += num * (2 * gap - _folded_normal_mean(gap, noise))
    return max(0.0, total / len(outcomes))


def bins_of_equal_count(probabilities: Float[np.ndarray, "n"], num_bins: int) -> Integer[np.ndarray, "n"]:
    """Index of the bin of each probability, rising with it: as many in each as ties allow, at least two while there are two.

    Args:
        probabilities: ``(N,)``, at least one.
        num_bins: Bins; fewer when there are not two cases for each. Equal probabilities share a bin.
    """
    parts = np.array_split(np.sort(probabilities), max(1, min(num_bins, len(probabilities) // 2)))
    bins: Integer[np.ndarray, "n"] = np.searchsorted(np.array([part[0] for part in parts[1:]]), probabilities, side="right")
    return bins


def _folded_normal_mean(mean: float, sd: float) -> float:
    """Expectation of ``|N(mean, sd^2)|`` (Leone, Nelson and Nottingham 1961)."""
    if sd == 0:
        return abs(mean)
    z = mean / sd
    return sd * math.sqrt(2 / math.pi) * math.exp(-z * z / 2) + mean * (1 - 2 * float(ndtr(-z)))


def outcomes_of(scores: Float[np.ndarray, "n"], labels: Labels, bounded: bool = False) -> Bool[np.ndarray, "n"]:
    """Labels as bool, after a look at both.

    Raises:
        ValueError: Shapes differ, a score is NaN, a label is neither 0 nor 1, or, where ``bounded``, a score is outside 0..1.
    """
    if scores.shape != labels.shape:
        raise ValueError(f"{scores.shape} scores for {labels.shape} labels")
    if np.isnan(scores).any():
        raise ValueError("a score is NaN; an answer that cannot be read is a wrong answer, not a gap")
    if bounded and ((scores < 0) | (scores > 1)).any():
        raise ValueError("a probability is outside 0..1")
    if not np.isin(labels, (0, 1)).all():
        raise ValueError("labels must be 0 or 1")
    return labels.astype(bool)
