"""Outlines of every instance of a phrase."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

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
        return segmentation(readout.region, readout, self.phrase, readout.region.found(self.threshold))


def segmentation(region: Region, readout: Readout, phrase: str, chosen: Int[np.ndarray, "k"]) -> Segmentation:
    """Some of a region's instances as masks."""
    return Segmentation(
        region.masks[chosen], frame=readout.frame, scores=region.scores[chosen], presence=region.presence, phrase=phrase
    )
