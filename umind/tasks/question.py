"""What every verb's question can do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from umind.tasks.readout import Readout
from umind.tokens.template import Block

ResultT = TypeVar("ResultT", covariant=True)


class Question(Protocol[ResultT]):
    """What every verb's question can do."""

    @property
    def threshold(self) -> float | None:
        """Least presence of what is reported; the calibrated one when None. What is surely absent is not drawn at all."""
        ...

    def blocks(self) -> tuple[Block, ...]:
        """Blocks to put behind the image; an open one comes last."""
        ...

    def read(self, readout: Readout) -> ResultT:
        """Result of what the decoders said."""
        ...


@dataclass(frozen=True)
class Refusable:
    """A question whose refusal becomes its answer.

    Args:
        question: As a measurement, which an image without spacing may not give.
    """

    question: Question[Any]

    @property
    def threshold(self) -> float | None:
        """That of the question."""
        return self.question.threshold

    def blocks(self) -> tuple[Block, ...]:
        """What to ask the model."""
        return self.question.blocks()

    def read(self, readout: Readout) -> Any:
        """The result, or the error."""
        try:
            return self.question.read(readout)
        except ValueError as error:
            return error
