"""Yes or no, in words."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from umind.evaluation.interview import interview
from umind.evaluation.verbs import Verbs
from umind.schema.sample import Sample

YES, NO = ("yes",), ("no", "not", "none")


@dataclass(frozen=True)
class AnswerCase:
    """One question.

    Args:
        key: Image.
        question: As it was put.
        text: As it was answered.
        there: What the annotation says.
        said: What the answer says; None when it says neither yes nor no.
    """

    key: str
    question: str
    text: str
    there: bool
    said: bool | None


@dataclass(frozen=True)
class AnswerScore:
    """Questions whether something is there; every image with a structure is asked one of each kind.

    Args:
        num_questions: Half of them about what is there, half about what is not.
        right: Share answered right; what says neither yes nor no is wrong.
        right_there: Share right where the answer is yes.
        right_absent: Share right where the answer is no.
        num_unparsable: Answers that say neither.
        cases: The questions.
    """

    num_questions: int
    right: float
    right_there: float
    right_absent: float
    num_unparsable: int
    cases: tuple[AnswerCase, ...]


def evaluate_answers(model: Verbs, samples: Iterable[Sample], *, seed: int = 0) -> AnswerScore:
    """Ask each sample "Is there a ...?" for one structure in it and one absent name; samples that lack either are not asked.

    Args:
        model: What to score.
        samples: With structures and absent names.
        seed: Decides which; the choice does not depend on the order of samples.
    """

    def questions(sample: Sample) -> list[str]:
        if not sample.structures or not sample.absent:
            return []
        rng = np.random.default_rng((seed, zlib.crc32(f"{sample.dataset}/{sample.key}".encode())))
        names = sample.structures[rng.integers(len(sample.structures))].name, sample.absent[rng.integers(len(sample.absent))]
        return [question_of(name) for name in names]

    cases = []
    for sample, question, result in interview(model, samples, questions, model.ask):
        there = any(question == question_of(structure.name) for structure in sample.structures)
        cases.append(AnswerCase(sample.key, question, result.text, there, yes_or_no(result.text)))
    right = np.array([case.said is case.there for case in cases])
    there_ = np.array([case.there for case in cases], bool)
    return AnswerScore(
        num_questions=len(cases),
        right=float(right.mean()) if len(cases) else float("nan"),
        right_there=float(right[there_].mean()) if len(cases) else float("nan"),
        right_absent=float(right[~there_].mean()) if len(cases) else float("nan"),
        num_unparsable=sum(case.said is None for case in cases),
        cases=tuple(cases),
    )


def question_of(name: str) -> str:
    """The question for a canonical name."""
    return f"Is there a {name}?"


def yes_or_no(text: str) -> bool | None:
    """What the first word of an answer says; None when it is neither."""
    first = re.match(r"\W*(\w+)", text.casefold())
    word = first[1] if first else ""
    return True if word in YES else False if word in NO else None
