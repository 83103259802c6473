"""A free question, answered in words that may point and measure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from umind.protocols.registry import region_protocol_of
from umind.schema.result import Answer, Detection, Measurement, Segmentation
from umind.tasks.detect import detection
from umind.tasks.measure import measurement
from umind.tasks.readout import Readout
from umind.tasks.segment import segmentation
from umind.tokens.template import Block, History
from umind.tokens.vocabulary import KPT, MEAS, REGION_TOKENS, SEG

Pointed = Segmentation | Detection | Measurement


@dataclass(frozen=True)
class Ask:
    """Asks a question and lets the model write.

    Args:
        question: Words of the person.
        threshold: Least presence and score of what the answer points at; the calibrated ones when None.
        history: Earlier questions with their answers, the first one first.

    Raises:
        ValueError: A turn of the history is no pair of texts.
    """

    question: str
    threshold: float | None = None
    history: History = ()

    def __post_init__(self) -> None:
        for turn in self.history:
            if not isinstance(turn, list | tuple) or len(turn) != 2 or not all(isinstance(text, str) for text in turn):
                raise ValueError(f"a turn of a history is a question and its answer, two texts, got {turn!r}")
        object.__setattr__(self, "history", tuple((question.strip(), answer.strip()) for question, answer in self.history))

    def blocks(self) -> tuple[Block, ...]:
        """What to ask the model; the response is left open."""
        return (Block(self.question, history=self.history),)

    def read(self, readout: Readout) -> Answer:
        """The text, with measurements in place of their tokens, and what it points at."""
        text, evidence = resolve(readout, self.question, self.threshold)
        presence = min((item.presence for item in evidence), default=1.0)
        return Answer(text, evidence=evidence, presence=presence)


def resolve(readout: Readout, question: str, threshold: float | None) -> tuple[str, tuple[Pointed, ...]]:
    """Take the task tokens out of a response, each replaced by what its state gave.

    ``[SEG]`` and ``[DET]`` leave the text and become evidence; ``[MEAS]`` becomes the number that the words before it name.
    """
    answer = readout.blocks[0]
    regions = iter(answer.regions)
    evidence: list[Pointed] = []
    text = ""
    for piece in re.split(r"(\[[A-Z]+\])", answer.response):
        clause = re.split(r"[.,;]", text)[-1].strip()
        if piece == MEAS:
            named = clause or question
            number = measurement(next(regions), readout, named, region_protocol_of(named), threshold)
            evidence.append(number)
            text = f"{text.rstrip()} {number}"
        elif piece in REGION_TOKENS:
            region, named = next(regions), clause or question
            if piece == SEG:
                evidence.append(segmentation(region, readout, named, region.found(threshold)))
            else:
                evidence.append(detection(region, readout, named, threshold))
        elif piece != KPT:
            text = f"{text.rstrip()} {piece.lstrip()}"
    return sentence_case(text), tuple(evidence)


def sentence_case(text: str) -> str:
    """Tidy spaces before punctuation, and a capital at the start of each sentence."""
    text = re.sub(r"\s+([.,;])", r"\1", re.sub(r"\s+", " ", text)).strip()
    return re.sub(r"(^|[.] )([a-z])", lambda match: match[1] + match[2].upper(), text)
