"""What a detector's errors cost, for every price of a miss and every share of the ill."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from umind.metrics.probability import Labels, outcomes_of


def cost_curve(
    scores: Float[np.ndarray, "n"], labels: Labels, probability_costs: Float[np.ndarray, "p"]
) -> Float[np.ndarray, "p"]:
    """Lower envelope of the cost lines of all thresholds (Drummond and Holte, Machine Learning 2006).

    A threshold with ``FN`` misses and ``FP`` false alarms, as rates, costs ``FN pc + FP (1 - pc)``, where ``pc`` is the share
    of the ill weighed by the price of a miss against that of a false alarm. To call nobody or everybody is always possible, so
    that no cost exceeds ``min(pc, 1 - pc)``.

    Args:
        scores: Higher means more positive, ``(N,)``.
        labels: 0 or 1, both of which occur, ``(N,)``.
        probability_costs: ``pc``, ``(P,)`` in 0..1.

    Returns:
        Normalised expected cost, ``(P,)`` in 0..0.5, the best threshold taken at each point on these very cases.

    Raises:
        ValueError: Shapes differ, a score is NaN, one class is missing, or a ``pc`` is outside 0..1.
    """
    positive = outcomes_of(scores, labels)
    if positive.all() or not positive.any():
        raise ValueError("a cost curve wants both classes")
    if ((probability_costs < 0) | (probability_costs > 1)).any():
        raise ValueError("a probability cost is outside 0..1")
    thresholds = np.append(np.unique(scores), np.inf)
    misses = np.searchsorted(np.sort(scores[positive]), thresholds) / positive.sum()  # (T,)
    alarms = 1 - np.searchsorted(np.sort(scores[~positive]), thresholds) / (~positive).sum()  # (T,)
    costs: Float[np.ndarray, "p"] = np.min(
        misses[:, None] * probability_costs + alarms[:, None] * (1 - probability_costs), axis=0
    )
    return costs
