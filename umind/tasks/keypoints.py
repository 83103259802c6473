"""Named points of a structure."""

from __future__ import annotations

from umind.tokens.template import Block
from umind.tokens.vocabulary import KPT

AXIS_ENDS = ("long axis start", "long axis end", "short axis start", "short axis end")
"""Ends of a structure's axes: the long one from its leftmost end, the short one from its topmost."""


def block(phrase: str, names: tuple[str, ...] = AXIS_ENDS) -> Block:
    """The question, with each point's name and its task token already in the response."""
    return Block(f"keypoints {phrase}", " ".join(f"{name} {KPT}" for name in names))
