"""Every verb; a new task is one file and one line here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

from umind.schema.result import Result
from umind.tasks.ask import Ask
from umind.tasks.classify import Classify
from umind.tasks.detect import Detect
from umind.tasks.keypoints import Point
from umind.tasks.measure import Measure
from umind.tasks.readout import Readout
from umind.tasks.report import Write
from umind.tasks.segment import Segment
from umind.tokens.template import Block


class Question(Protocol):
    """What every verb's question can do."""

    def blocks(self) -> tuple[Block, ...]:
        """Blocks to put behind the image; an open one comes last."""
        ...

    def read(self, readout: Readout) -> Result:
        """Result of what the decoders said."""
        ...


TASKS: Mapping[str, type[Question]] = MappingProxyType(
    {
        "segment": Segment,
        "detect": Detect,
        "keypoints": Point,
        "measure": Measure,
        "classify": Classify,
        "ask": Ask,
        "report": Write,
    }
)
