"""Seconds that calls take: medians of calls that take turns."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Timing:
    """Seconds of one call over its repetitions.

    Args:
        median: Half of them took longer.
        lower: First quartile.
        upper: Third quartile.
    """

    median: float
    lower: float
    upper: float


def interleaved(actions: Mapping[K, Callable[[], object]], repetitions: int) -> dict[K, Timing]:
    """Time actions in turns, so that a busy machine is unjust to all; a first round warms up and does not count.

    Args:
        actions: What to time, by name.
        repetitions: Rounds that count.
    """
    taken: dict[K, list[float]] = {name: [] for name in actions}
    for turn in range(repetitions + 1):
        for name, action in actions.items():
            start = time.perf_counter()
            action()
            if turn:
                taken[name].append(time.perf_counter() - start)
    return {name: Timing(*(float(value) for value in np.quantile(values, (0.5, 0.25, 0.75)))) for name, values in taken.items()}
