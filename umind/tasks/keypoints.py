"""Named points of a structure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from umind.schema.result import Keypoints
from umind.tasks import detect
from umind.tasks.readout import Readout
from umind.tokens.template import Block
from umind.tokens.vocabulary import KPT

AXIS_ENDS: tuple[str, ...] = ("long axis start", "long axis end", "short axis start", "short axis end")
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
        region, frame = readout.region, readout.frame
        points = readout.blocks[1].points if region.is_present(self.threshold) else ()
        positions = np.array([point.position for point in points]).reshape(-1, 2) * frame.size
        covariances = np.array([point.covariance for point in points]).reshape(-1, 2, 2) * (frame.size / frame.scale) ** 2
        return Keypoints(
            frame.to_source(positions).astype(np.float32),
            names=AXIS_ENDS[: len(points)],
            scores=np.array([point.score for point in points], np.float32),
            covariances=covariances.astype(np.float32),
            presence=region.presence,
            phrase=self.phrase,
        )
