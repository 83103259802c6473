"""Numbers and rows as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Card = Mapping[str, Any]


def table(title: str, heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table under a bold title."""
    lines = [heading, ["---"] + ["---:"] * (len(heading) - 1), *rows]
    return f"**{title}**\n\n" + "\n".join("| " + " | ".join(line) + " |" for line in lines)


def number(value: float | None, digits: int = 3) -> str:
    """A number; n/a for none."""
    return "n/a" if value is None else f"{value:.{digits}f}"


def percent(value: float | None) -> str:
    """A share in percent."""
    return "n/a" if value is None else f"{100 * value:.1f} %"


def interval(value: Card, digits: int = 3) -> str:
    """A number with its interval; n/a for none."""
    if value["value"] is None:
        return number(None)
    return f"{number(value['value'], digits)} ({number(value['lower'], digits)} to {number(value['upper'], digits)})"
