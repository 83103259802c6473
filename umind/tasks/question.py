"""What every verb's question can do."""

from __future__ import annotations

from typing import Protocol, TypeVar

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
