"""Classes with their probabilities: everything that is told of a diagnosis."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np
from jaxtyping import Float, Integer

from umind.metrics.calibration import calibration_line
from umind.metrics.cases import RunningCases, Scores, as_scores
from umind.metrics.classes import accuracy, macro_f1, quadratic_kappa
from umind.metrics.probability import auroc, balanced_accuracy, brier, calibration_error, sensitivity_at_specificity


@dataclass(frozen=True)
class DiagnosisScores:
    """Scores of one classification.

    Args:
        auroc: Of the last class; with more than two the mean over the true classes, each against the rest.
        accuracy: Share right.
        balanced_accuracy: Mean recall over the true classes.
        macro_f1: Mean F1 over the classes.
        quadratic_kappa: Of the classes as grades; means something only where their order does.
        sensitivity: For the last class at the fixed specificity, the threshold chosen on these cases; NaN with more than two.
        calibration_error: ECE, bias taken out, of the last class; with more than two, of the confidence of the class chosen.
        brier: Mean squared error of the probability of the last class; with more than two, Brier's sum over classes.
        calibration_slope: Of the last class; NaN with more than two.
        calibration_intercept: Of the last class; NaN with more than two.
        num_cases: Cases, the unreadable ones among them.
        num_unreadable: Cases without an answer.
    """

    auroc: float
    accuracy: float
    balanced_accuracy: float
    macro_f1: float
    quadratic_kappa: float
    sensitivity: float
    calibration_error: float
    brier: float
    calibration_slope: float
    calibration_intercept: float
    num_cases: int
    num_unreadable: int


def diagnosis_scores(
    probabilities: Float[np.ndarray, "n c"], truth: Integer[np.ndarray, "n"], *, specificity: float = 0.9
) -> DiagnosisScores:
    """Score a classification; an answer that cannot be read is the worst one, never a gap.

    Args:
        probabilities: Of each class, rows that sum to 1, ``(N, C)``; a row of NaN is an answer that could not be read. It
            counts as no class, and as a probability of 0 for the true class, the others sharing the rest.
        truth: Class indices, ``(N,)``.
        specificity: At which the sensitivity is told.

    Raises:
        ValueError: Shapes do not fit, there are fewer than two classes, a row does not sum to 1, or a class is out of range.
    """
    num, num_classes = probabilities.shape
    unreadable = np.isnan(probabilities).any(1)
    if truth.shape != (num,) or num_classes < 2 or ((truth < 0) | (truth >= num_classes)).any():
        raise ValueError(f"{probabilities.shape} probabilities do not fit {truth.shape} classes")
    if not np.allclose(probabilities[~unreadable].sum(1), 1, atol=1e-3):
        raise ValueError("the probabilities of a case do not sum to 1")
    given, right = probabilities.astype(np.float64), np.eye(num_classes)[truth]  # (N, C)
    given[unreadable] = ((1 - right) / (num_classes - 1))[unreadable]
    chosen = np.where(unreadable, -1, given.argmax(1))
    areas = [auroc(given[:, label], truth == label) for label in np.unique(truth)]
    binary = num_classes == 2
    last, is_last = given[:, -1], truth == num_classes - 1
    line = calibration_line(last.clip(0, 1), is_last) if binary else None
    return DiagnosisScores(
        auroc=float(np.mean(areas)) if areas else math.nan,
        accuracy=accuracy(chosen, truth),
        balanced_accuracy=balanced_accuracy(chosen, truth),
        macro_f1=macro_f1(chosen, truth),
        quadratic_kappa=quadratic_kappa(chosen, truth, num_classes),
        sensitivity=sensitivity_at_specificity(last, is_last, specificity) if binary else math.nan,
        calibration_error=calibration_error(last if binary else given.max(1), is_last if binary else chosen == truth),
        brier=brier(last, is_last) if binary else float(((given - right) ** 2).sum(1).mean()) if num else math.nan,
        calibration_slope=line.slope if line else math.nan,
        calibration_intercept=line.intercept if line else math.nan,
        num_cases=num,
        num_unreadable=int(unreadable.sum()),
    )


class RunningDiagnosis(RunningCases):
    """`diagnosis_scores` over cases as they come; ``compute`` returns its fields.

    Args:
        num_classes: Classes, the positive one last.
        specificity: At which the sensitivity is told.
    """

    higher_is_better = True

    def __init__(self, num_classes: int = 2, *, specificity: float = 0.9) -> None:
        super().__init__(cases=num_classes + 1)
        self.num_classes, self.specificity = num_classes, specificity

    def update(self, probabilities: Float[np.ndarray, "c"] | None, truth: int) -> None:
        """Add one case; None for an answer that could not be read.

        Raises:
            ValueError: Not one probability for each class.
        """
        row = np.full(self.num_classes, math.nan) if probabilities is None else probabilities
        if row.shape != (self.num_classes,):
            raise ValueError(f"{row.shape} probabilities for {self.num_classes} classes")
        self.keep("cases", [[*row.tolist(), truth]])

    def compute(self) -> Scores:
        """Scores so far."""
        rows = self.kept("cases")
        return as_scores(asdict(diagnosis_scores(rows[:, :-1], rows[:, -1].astype(int), specificity=self.specificity)))
