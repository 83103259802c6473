"""Results to JSON-safe dictionaries and back, as functions beside the other exports; `umind.schema.serial` does the work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from umind.schema.result import Result
from umind.schema.serial import ResultData


def to_dict(result: Result) -> dict[str, Any]:
    """A result of any class as a versioned dictionary that ``json.dumps(..., allow_nan=False)`` accepts."""
    return result.to_dict()


def from_dict(data: Mapping[str, Any]) -> Result:
    """The result that a dictionary of `to_dict` describes, of whatever class it names.

    Raises:
        ValueError: Another version, an unknown class, or missing, unknown or malformed fields.
    """
    return cast(Result, ResultData.from_dict(data))
