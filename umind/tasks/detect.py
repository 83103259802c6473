"""Boxes of every instance of a phrase."""

from __future__ import annotations

from dataclasses import dataclass

from umind.geometry.boxes import clip_boxes_xyxy
from umind.schema.result import Detection
from umind.tasks.readout import Readout, Region
from umind.tokens.template import Block
from umind.tokens.vocabulary import DET


def block(phrase: str) -> Block:
    """The question, with its task token already in the response."""
    return Block(f"detect {phrase}", DET)


@dataclass(frozen=True)
class Detect:
    """Asks for boxes.

    Args:
        phrase: What to box.
        threshold: Least presence and score; the calibrated ones when None.
    """

    phrase: str
    threshold: float | None = None

    def blocks(self) -> tuple[Block, ...]:
        """What to ask the model."""
        return (block(self.phrase),)

    def read(self, readout: Readout) -> Detection:
        """Boxes above the threshold, cut to the image."""
        return detection(readout.region, readout, self.phrase, self.threshold)


def detection(region: Region, readout: Readout, phrase: str, threshold: float | None) -> Detection:
    """A region's instances as boxes in source pixels."""
    found = region.found(threshold)
    corners = readout.frame.to_source(region.boxes[found].reshape(-1, 2) * readout.frame.size).reshape(-1, 4)
    boxes = clip_boxes_xyxy(corners, readout.image.height, readout.image.width)
    return Detection(boxes, scores=region.scores[found], presence=region.presence, phrase=phrase)
