"""Generated text against a reference: the numbers in it, and whether it is the same."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_SAME = {"mm²": "mm2", "mm^2": "mm2", "cm²": "cm2", "cm^2": "cm2", "cc": "ml", "°": "deg", "degree": "deg", "degrees": "deg"}
_SAME |= {"week": "wk", "weeks": "wk", "day": "d", "days": "d", "周": "wk", "天": "d", "度": "deg"}
_SAME |= {"毫米": "mm", "厘米": "cm", "平方毫米": "mm2", "平方厘米": "cm2", "毫升": "ml", "克": "g"}
_UNIT = r"mm(?:2|²|\^2)?|cm(?:2|²|\^2)?|m|px2?|ml|cc|k?g|deg(?:rees?)?|weeks?|days?|%|°"
_UNIT_ZH = r"(?:平方)?[毫厘]米|毫升|克|度|周(?!围)|天"
_NUMBER = re.compile(
    r"(?:(?<![A-Za-z0-9_.])|(?<=[\d\s][x\u00d7]))"  # not inside a Latin word; the x of "12x8" is none
    r"(?P<number>-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?)(?!\d|,\d{3}|\.\d)"
    rf"(?:\s*(?P<unit>(?:{_UNIT})(?![A-Za-z0-9_²^])|{_UNIT_ZH}))?"
    r"(?P<times>\s*[x\u00d7]\s*(?=\d))?(?![A-Za-z])",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Quantity:
    """A number as a text states it.

    Args:
        value: The number.
        unit: UCUM unit written behind it (``mm``, ``cm2``, ``ml``, ``deg``, ``%`` ...); empty when there is none.
    """

    value: float
    unit: str


def quantities_of(text: str) -> tuple[Quantity, ...]:
    """Every number of a text in its order, with its unit.

    The sides of "12 x 8 mm" share the unit. Digits inside a word ("T2", "4a") are a name and no number; a decimal point is a
    point, a comma before three digits parts thousands. Units are told apart, never converted.
    """
    found: list[tuple[float, str, bool]] = []
    for match in _NUMBER.finditer(text):
        unit = (match["unit"] or "").lower()
        found.append((float(match["number"].replace(",", "")), _SAME.get(unit, unit), bool(match["times"])))
    quantities: list[Quantity] = []
    following = ""
    for value, unit, shares in reversed(found):
        following = unit or (following if shares else "")
        quantities.append(Quantity(value, following))
    return tuple(reversed(quantities))


def exact_match_accuracy(predicted: Sequence[str | None], truth: Sequence[str]) -> float:
    """Share of texts equal to their reference but for case, spaces and a final full stop; None is wrong; NaN for no texts.

    Raises:
        ValueError: The two sequences differ in length.
    """
    pairs = list(zip(predicted, truth, strict=True))
    return sum(p is not None and _plain(p) == _plain(t) for p, t in pairs) / len(pairs) if pairs else float("nan")


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip(". ")
