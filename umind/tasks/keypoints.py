"""Named points of a structure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from umind.schema.result import Keypoints
from umind.tasks.readout import Readout
from umind.tokens.template import Block
from umind.tokens.vocabulary import DET, KPT

AXIS_ENDS: tuple[str, ...] = ("long axis start", "long axis end", "short axis start", "short axis end")
"""Ends of a structure's axes: the long one from its leftmost end, the short one from its topmost."""


def block(phrase: str, names: tuple[str, ...] = AXIS_ENDS) -> Block:
    """The question, with the structure's task token, each point's name and its task token already in the response."""
    return Block(f"keypoints {phrase}", " ".join([DET, *(f"{name} {KPT}" for name in names)]))


@dataclass(frozen=True)
class Point:
    """Asks for the axis ends of a structure; of its largest instance where there are several.

    Args:
        phrase: Structure.
        threshold: Least presence; the calibrated one when None.
    """

    phrase: str
    threshold: float | None = None

    def blocks(self) -> tuple[Block, ...]:
        """What to ask the model."""
        return (block(self.phrase),)

    def read(self, readout: Readout) -> Keypoints:
        """Points in source pixels; none when the structure is absent."""
        region, frame = readout.region, readout.frame
        largest = region.largest(self.threshold)
        positions, covariances, scores = (values[largest].reshape(-1, *values.shape[2:]) for values in region.points)
        return Keypoints(
            frame.to_source(positions * frame.size).astype(np.float32),
            names=AXIS_ENDS[: len(scores)],
            scores=scores,
            covariances=(covariances * (frame.size / frame.scale) ** 2).astype(np.float32),
            presence=region.presence,
            phrase=self.phrase,
        )
