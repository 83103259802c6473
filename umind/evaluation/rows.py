"""Rows of a table: which cases belong together, and their mean."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Protocol, TypeVar

import numpy as np
from jaxtyping import Float, Int

from umind.metrics.bootstrap import Interval, bootstrap_interval

ALL = "all sets"
"""Stands in place of a set. A structure belongs to one organ, so its row over all sets is that organ's."""


class Asked(Protocol):
    """A case: one phrase on one image of a set."""

    @property
    def dataset(self) -> str:
        """Set."""

    @property
    def phrase(self) -> str:
        """What was asked for."""


There = TypeVar("There", bound=Asked)
Absent = TypeVar("Absent", bound=Asked)


def grouped(there: Sequence[There], absent: Sequence[Absent] = ()) -> list[tuple[str, str, list[There], list[Absent]]]:
    """Set, phrase and cases of each row: set by set, then each phrase that several sets were asked over all of them.

    Args:
        there: Images with the structure; they decide which rows there are.
        absent: Images without it; each falls into the rows of its phrase.
    """
    sets: dict[str, set[str]] = {}
    for case in (*there, *absent):
        sets.setdefault(case.phrase, set()).add(case.dataset)
    rows = dict.fromkeys((case.dataset, case.phrase) for case in there)
    rows |= dict.fromkeys((ALL, case.phrase) for case in there if len(sets[case.phrase]) > 1)
    return [
        (
            dataset,
            phrase,
            [case for case in there if case.phrase == phrase and dataset in (case.dataset, ALL)],
            [case for case in absent if case.phrase == phrase and dataset in (case.dataset, ALL)],
        )
        for dataset, phrase in rows
    ]


def mean_interval(values: Sequence[float] | Float[np.ndarray, "n"], units: Sequence[Hashable]) -> Interval:
    """Mean of the values that are there, with its 95 % interval over patients.

    Args:
        values: ``(N,)``; a NaN is left out.
        units: What the bootstrap draws, ``(N,)``.

    Raises:
        ValueError: There are no values, not even a NaN.
    """
    numbers = np.asarray(values, np.float64)
    known = ~np.isnan(numbers)

    def mean(rows: Int[np.ndarray, "m"]) -> float:
        kept = numbers[rows][known[rows]]
        return float(kept.mean()) if len(kept) else math.nan

    return bootstrap_interval(mean, units)
