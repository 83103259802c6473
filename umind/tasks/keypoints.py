"""Named points of a structure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from umind.schema.result import Keypoints
from umind.tasks import detect
from umind.tasks.readout import Readout
from umind.tokens.template import Block
from umind.tokens.vocabulary import KPT

AXIS_ENDS = ("long axis start", "long axis end", "short axis start", "short axis end")
"""Ends of a structure's axes: the long one from its leftmost end, the short one from its topmost."""


def block(phrase: str, names: tuple[str, ...] = AXIS_ENDS) -> Block:
    """The question, with each point's name and its task token already in the response."""
    return Block(f"keypoints {phrase}", " ".join(f"{name} {KPT}" for name in names))


@dataclass(frozen=True)
class Point:
    """Asks for the axis ends of a structure, and whether it is there.

    Args:
        phrase: Structure.
        threshold: Least presence; the calibrated one when None.
    """

    phrase: str
    threshold: float | None = None

    def blocks(self) -> tuple[Block, ...]:
        """What to ask the model."""
        return detect.block(self.phrase), block(self.phrase)

    def read(self, readout: Readout) -> Keypoints:
        """Points in source pixels; none when the structure is absent."""
        region, points, frame = readout.regions[0], readout.points, readout.frame
        shown = slice(None) if region.is_present(self.threshold) else slice(0)
        to_pixels = frame.size / frame.scale
        return Keypoints(
            frame.to_source(points.positions[shown] * frame.size).astype(np.float32),
            names=AXIS_ENDS[shown],
            scores=points.scores[shown],
            covariances=points.covariances[shown] * np.float32(to_pixels**2),
            presence=region.presence,
            phrase=self.phrase,
        )
