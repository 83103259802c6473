"""Everything at once: many questions to one image, in one prefill."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from umind.schema.errors import UncalibratedError
from umind.schema.result import Analysis
from umind.tasks.classify import Classify
from umind.tasks.detect import detection
from umind.tasks.keypoints import Point
from umind.tasks.measure import Measure
from umind.tasks.question import Question
from umind.tasks.readout import Readout
from umind.tasks.report import Write
from umind.tasks.segment import Segment
from umind.tokens.template import Block


@dataclass(frozen=True)
class Analyze:
    """Asks for all of it.

    Args:
        find: Phrases to outline and box; one token gives both.
        measure: Measurements to take.
        classes: Options by what is classified.
        points: Structures whose axis ends to find.
        text: Write a report too; it goes on from the same cache.
        threshold: Least presence and score; the calibrated ones when None.

    Raises:
        ValueError: Nothing is asked for, or a phrase is empty.
    """

    find: tuple[str, ...] = ()
    measure: tuple[str, ...] = ()
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    points: tuple[str, ...] = ()
    text: bool = False
    threshold: float | None = None

    def __post_init__(self) -> None:
        phrases = (*self.find, *self.measure, *self.classes, *self.points)
        if not phrases and not self.text:
            raise ValueError("analyze wants something to find, measure, classify, point at or write")
        if not all(isinstance(phrase, str) and phrase.strip() for phrase in phrases):
            raise ValueError(f"a phrase must be a non-empty text, got {list(phrases)}")

    def questions(self) -> tuple[Question[Any], ...]:
        """The single questions, the report last."""
        return (
            *(Segment(phrase, self.threshold) for phrase in self.find),
            *(Measure(phrase, self.threshold) for phrase in self.measure),
            *(Classify(phrase, options, self.threshold) for phrase, options in self.classes.items()),
            *(Point(phrase, self.threshold) for phrase in self.points),
            *((Write(self.threshold),) if self.text else ()),
        )

    def blocks(self) -> tuple[Block, ...]:
        """What to ask the model."""
        return tuple(block for question in self.questions() for block in question.blocks())

    def read(self, readout: Readout) -> Analysis:
        """Every question's result, by its phrase; a measurement that wants a scale which the image lacks is refused."""
        results, parts, start = [], [], 0
        for question in self.questions():
            stop = start + len(question.blocks())
            parts.append(readout.part(start, stop))
            results.append(attempt(question, parts[-1]))
            start = stop
        rest = iter(results)
        found = {phrase: next(rest) for phrase in self.find}
        taken = {name: next(rest) for name in self.measure}
        return Analysis(
            found,
            detections={
                phrase: detection(part.region, part, phrase, self.threshold)
                for phrase, part in zip(self.find, parts, strict=False)
            },
            measurements={name: value for name, value in taken.items() if not isinstance(value, UncalibratedError)},
            classifications={phrase: next(rest) for phrase in self.classes},
            keypoints={phrase: next(rest) for phrase in self.points},
            report=next(rest, None),
            refused={name: str(error) for name, error in taken.items() if isinstance(error, UncalibratedError)},
            name=readout.image.name,
        )


def attempt(question: Question[Any], readout: Readout) -> Any:
    """A question's result, or why the image cannot give it for want of a scale."""
    try:
        return question.read(readout)
    except UncalibratedError as error:
        return error
