"""Boxes of every instance of a phrase."""

from __future__ import annotations

from umind.tokens.template import Block
from umind.tokens.vocabulary import DET


def block(phrase: str) -> Block:
    """The question, with its task token already in the response."""
    return Block(f"detect {phrase}", DET)
