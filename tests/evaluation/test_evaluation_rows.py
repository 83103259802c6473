"""Which cases belong together, and their mean."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest

from umind.evaluation.rows import ALL, grouped, mean_interval


@dataclass(frozen=True)
class Case:
    """One phrase on one image."""

    dataset: str
    phrase: str
    key: str = ""


def test_set_by_set_and_over_all_that_were_asked() -> None:
    there = [Case("b", "cyst", "1"), Case("a", "cyst", "2"), Case("a", "nerve", "3"), Case("b", "head", "4")]
    absent = [Case("a", "cyst", "5"), Case("c", "head", "6"), Case("c", "liver", "7")]
    rows = [
        (dataset, phrase, [case.key for case in cases], [case.key for case in others])
        for dataset, phrase, cases, others in grouped(there, absent)
    ]
    assert rows == [
        ("b", "cyst", ["1"], []),
        ("a", "cyst", ["2"], ["5"]),
        ("a", "nerve", ["3"], []),
        ("b", "head", ["4"], []),
        (ALL, "cyst", ["1", "2"], ["5"]),
        (ALL, "head", ["4"], ["6"]),
    ]


def test_a_gap_is_left_out_of_the_mean() -> None:
    interval = mean_interval([1.0, math.nan, 0.0, 1.0], ["p", "p", "q", "r"])
    assert (interval.value, interval.num_groups) == (pytest.approx(2 / 3), 3)
    nothing = mean_interval([math.nan], ["p"])
    assert math.isnan(nothing.value)
    assert nothing.num_undefined == 1000
    with pytest.raises(ValueError, match="no rows"):
        mean_interval([], [])
