"""Scores as JSON-safe dictionaries."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

CASES = "cases"
"""Field with the rows behind a score; a card leaves it out."""
DIGITS = 6


def to_card(item: object) -> Any:
    """Scores as nested dictionaries and lists that ``json.dumps(..., allow_nan=False)`` accepts.

    A number that is not defined (NaN, infinite) becomes null; others are rounded to six digits behind the point.

    Raises:
        ValueError: Something in it is no score.
    """
    if item is None or isinstance(item, bool | int | str):
        return item
    if isinstance(item, np.generic):
        return to_card(item.item())
    if isinstance(item, float):
        return round(item, DIGITS) if math.isfinite(item) else None
    if isinstance(item, tuple | list):
        return [to_card(part) for part in item]
    if isinstance(item, Mapping):
        return {str(key): to_card(part) for key, part in item.items()}
    if is_dataclass(item):
        return {entry.name: to_card(getattr(item, entry.name)) for entry in fields(item) if entry.name != CASES}
    raise ValueError(f"a {type(item).__name__} is no part of a card")
