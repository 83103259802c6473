"""Every verb; a new task is one file and one line here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from umind.tasks.analyze import Analyze
from umind.tasks.ask import Ask
from umind.tasks.classify import Classify
from umind.tasks.detect import Detect
from umind.tasks.keypoints import Point
from umind.tasks.measure import Measure
from umind.tasks.question import Question
from umind.tasks.report import Write
from umind.tasks.segment import Segment

TASKS: Mapping[str, type[Question[Any]]] = MappingProxyType(
    {
        "segment": Segment,
        "detect": Detect,
        "keypoints": Point,
        "measure": Measure,
        "classify": Classify,
        "ask": Ask,
        "report": Write,
        "analyze": Analyze,
    }
)
