"""One of several options, by the likelihood that the language head gives to each."""

from __future__ import annotations

from umind.tokens.template import Block


def block(phrase: str, option: str) -> Block:
    """The question with one option as its response."""
    return Block(f"classify {phrase}", option)
