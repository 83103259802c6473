"""Outlines of every instance of a phrase."""

from __future__ import annotations

from umind.tokens.template import Block
from umind.tokens.vocabulary import SEG


def block(phrase: str) -> Block:
    """The question, with its task token already in the response."""
    return Block(f"segment {phrase}", SEG)
