"""Chosen classes against true ones. Classes are indices from 0; an answer that cannot be read is -1, and wrong."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Integer


def accuracy(predicted: Integer[np.ndarray, "n"], truth: Integer[np.ndarray, "n"]) -> float:
    """Share of the cases whose class is right; NaN for no cases.

    Raises:
        ValueError: Shapes differ, or a true class is negative.
    """
    _check(predicted, truth)
    return float((predicted == truth).mean()) if len(truth) else math.nan


def macro_f1(predicted: Integer[np.ndarray, "n"], truth: Integer[np.ndarray, "n"]) -> float:
    """Mean over classes of ``2 TP / (2 TP + FP + FN)``, over the classes that occur in truth or prediction; NaN for no cases.

    The mean of the classes' F1, not the F1 of mean precision and recall (Opitz and Burst 2019 tell them apart).

    Args:
        predicted: Class indices, ``(N,)``; -1 is no class, but the case counts against the recall of its true one.
        truth: Class indices, ``(N,)``.

    Raises:
        ValueError: Shapes differ, or a true class is negative.
    """
    _check(predicted, truth)
    classes = [label for label in np.union1d(predicted, truth) if label >= 0]
    hits = [int(((predicted == label) & (truth == label)).sum()) for label in classes]
    sizes = [int((predicted == label).sum() + (truth == label).sum()) for label in classes]
    return float(np.mean([2 * hit / size for hit, size in zip(hits, sizes, strict=True)])) if classes else math.nan


def quadratic_kappa(predicted: Integer[np.ndarray, "n"], truth: Integer[np.ndarray, "n"], num_classes: int) -> float:
    """Weighted kappa (Cohen 1968) of ordinal grades, disagreement growing with the square of the distance between grades.

    Args:
        predicted: Grades, ``(N,)``; -1 counts as the grade farthest from the true one.
        truth: Grades in 0..K-1, ``(N,)``.
        num_classes: K.

    Returns:
        At most 1; 0 is chance. NaN when chance alone could not disagree (no cases, or one grade throughout).

    Raises:
        ValueError: Shapes differ, or a grade is out of range.
    """
    _check(predicted, truth)
    if max(predicted.max(initial=0), truth.max(initial=0)) >= num_classes:
        raise ValueError(f"a grade is above {num_classes - 1}")
    farthest = np.where(2 * truth < num_classes - 1, num_classes - 1, 0)
    given = np.where(predicted < 0, farthest, predicted)
    observed = float(((given - truth) ** 2).sum())
    by_chance = float(((given[:, None] - truth[None]) ** 2).mean(1).sum()) if len(truth) else 0.0
    return 1 - observed / by_chance if by_chance else math.nan


def _check(predicted: Integer[np.ndarray, "n"], truth: Integer[np.ndarray, "n"]) -> None:
    if predicted.shape != truth.shape:
        raise ValueError(f"{predicted.shape} predictions for {truth.shape} cases")
    if (truth < 0).any():
        raise ValueError("a true class is negative")
