"""One of several options, by the likelihood that the language head gives to each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from umind.schema.result import Classification
from umind.tasks import detect
from umind.tasks.readout import Readout
from umind.tokens.template import Block


def block(phrase: str, option: str) -> Block:
    """The question with one option as its response."""
    return Block(f"classify {phrase}", option)


@dataclass(frozen=True)
class Classify:
    """Asks which of some options fits; every option is a block of its own, so one pass scores them all.

    Args:
        phrase: What is classified: a structure, or "margin of" a structure.
        options: At least two.
        threshold: Least presence of the structure; the calibrated one when None.

    Raises:
        ValueError: Fewer than two options, an empty one, or one twice.
    """

    phrase: str
    options: tuple[str, ...]
    threshold: float | None = None

    def __post_init__(self) -> None:
        if len(self.options) < 2 or len(set(self.options)) < len(self.options) or not all(o.strip() for o in self.options):
            raise ValueError(f"classify wants at least two different, non-empty options, got {list(self.options)}")

    def blocks(self) -> tuple[Block, ...]:
        """What to ask the model."""
        structure = self.phrase.split(" of ", 1)[-1]
        return detect.block(structure), *(block(self.phrase, option) for option in self.options)

    def read(self, readout: Readout) -> Classification:
        """Softmax over the log-likelihoods of the options, tempered on validation images."""
        region = readout.region
        scores = np.array([option.likelihood for option in readout.blocks[1:]]) / readout.calibration.answer_temperature
        weights = np.exp(scores - scores.max())
        probabilities = (weights / weights.sum()).astype(np.float32)
        label = self.options[int(probabilities.argmax())] if region.is_present(self.threshold) else None
        return Classification(
            self.options, probabilities=probabilities, presence=region.presence, label=label, phrase=self.phrase
        )
