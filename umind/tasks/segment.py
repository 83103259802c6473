"""Outlines of every instance of a phrase."""

from __future__ import annotations

from dataclasses import dataclass

from umind.schema.result import Segmentation
from umind.tasks.readout import Readout, Region
from umind.tokens.template import Block
from umind.tokens.vocabulary import SEG


def block(phrase: str) -> Block:
    """The question, with its task token already in the response."""
    return Block(f"segment {phrase}", SEG)


@dataclass(frozen=True)
class Segment:
    """Asks for masks.

    Args:
        phrase: What to outline.
        threshold: Least presence and score; the calibrated ones when None.
    """

    phrase: str
    threshold: float | None = None

    def blocks(self) -> tuple[Block, ...]:
        """What to ask the model."""
        return (block(self.phrase),)

    def read(self, readout: Readout) -> Segmentation:
        """Masks above the threshold."""
        return segmentation(readout.region, readout, self.phrase, self.threshold)


def segmentation(region: Region, readout: Readout, phrase: str, threshold: float | None) -> Segmentation:
    """A region's instances as masks."""
    found = region.found(threshold)
    return Segmentation(
        region.masks[found], frame=readout.frame, scores=region.scores[found], presence=region.presence, phrase=phrase
    )
