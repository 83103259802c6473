"""Uncertainty of a number that is computed from uncertain numbers."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from jaxtyping import Float

STEP = 1e-4
"""Step of the differences, in standard deviations: far inside where a formula is straight, far above what rounding changes."""


def spread_of(
    function: Callable[[Float[np.ndarray, "n"]], float], mean: Float[np.ndarray, "n"], covariance: Float[np.ndarray, "n n"]
) -> float:
    """Standard deviation of a function of uncertain numbers, to first order: sqrt(J C J^T), the delta method.

    The Jacobian is taken by central differences along the principal axes of the covariance (JCGM 100:2008, section 5.2).

    Args:
        function: From numbers to a number, smooth near the mean.
        mean: The numbers.
        covariance: Their covariance.
    """
    values, vectors = np.linalg.eigh(covariance)
    reaches = vectors * np.sqrt(np.clip(values, 0, None))  # each column is one standard deviation along one axis
    slopes = [
        (function(mean + STEP * reach) - function(mean - STEP * reach)) / (2 * STEP) for reach in reaches.T if reach.any()
    ]
    return math.hypot(*slopes)
