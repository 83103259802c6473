"""Whether something is there at all: everything that is told of presence."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np
from jaxtyping import Float

from umind.metrics.cases import RunningCases, Scores, as_scores
from umind.metrics.probability import Labels, auroc, calibration_error, specificity_at_sensitivity


@dataclass(frozen=True)
class PresenceScores:
    """Scores of the probability that what was asked for is in the image.

    Args:
        auroc: Area under the ROC curve.
        specificity: At the fixed sensitivity, the threshold chosen on these very cases.
        calibration_error: Expected calibration error, bias taken out.
        num_present: Questions about what is there.
        num_absent: Questions about what is not.
        num_unreadable: Questions without an answer.
    """

    auroc: float
    specificity: float
    calibration_error: float
    num_present: int
    num_absent: int
    num_unreadable: int


def presence_scores(presence: Float[np.ndarray, "n"], there: Labels, *, sensitivity: float = 0.95) -> PresenceScores:
    """Score presence; no answer is the worst one: surely absent where it is there, surely there where it is not.

    Args:
        presence: Probabilities, ``(N,)`` in 0..1; NaN for no answer.
        there: 1 where it is there, ``(N,)``.
        sensitivity: At which the specificity is told.

    Raises:
        ValueError: Shapes differ, or a probability is outside 0..1.
    """
    if presence.shape != there.shape:
        raise ValueError(f"{presence.shape} probabilities for {there.shape} questions")
    unreadable = np.isnan(presence)
    given = np.where(unreadable, 1.0 - there, presence)
    return PresenceScores(
        auroc(given, there),
        specificity=specificity_at_sensitivity(given, there, sensitivity),
        calibration_error=calibration_error(given, there),
        num_present=int(there.sum()),
        num_absent=len(there) - int(there.sum()),
        num_unreadable=int(unreadable.sum()),
    )


class RunningPresence(RunningCases):
    """`presence_scores` over questions as they come; ``compute`` returns its fields.

    Args:
        sensitivity: At which the specificity is told.
    """

    higher_is_better = True

    def __init__(self, *, sensitivity: float = 0.95) -> None:
        super().__init__(cases=2)
        self.sensitivity = sensitivity

    def update(self, presence: float | None, there: bool) -> None:
        """Add one question; None for no answer."""
        self.keep("cases", [[math.nan if presence is None else presence, there]])

    def compute(self) -> Scores:
        """Scores so far."""
        presence, there = self.kept("cases").T
        return as_scores(asdict(presence_scores(presence, there.astype(int), sensitivity=self.sensitivity)))
