"""A short report, generated."""

from __future__ import annotations

from umind.tokens.template import Block


def block(response: str | None = None) -> Block:
    """The request for a report."""
    return Block("report", response)
