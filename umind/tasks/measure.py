"""A number read from the region of a ``[MEAS]`` token."""

from __future__ import annotations

from umind.tokens.template import Block
from umind.tokens.vocabulary import MEAS


def block(phrase: str) -> Block:
    """The question, with its task token already in the response."""
    return Block(f"measure {phrase}", MEAS)
