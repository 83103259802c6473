"""Questions in words, made from the annotation or published with it, and answers in words."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import numpy as np

from umind.data.instruct import KINDS, OPTIONS, Said, case_of
from umind.evaluation.interview import interview, unit_of_chance
from umind.evaluation.judge import JUDGES, Judge, choice_of, judge_choice
from umind.evaluation.rows import ALL, mean_interval
from umind.evaluation.verbs import Verbs
from umind.metrics.bootstrap import Interval
from umind.metrics.findings import findings_of
from umind.metrics.text import quantities_of
from umind.schema.sample import Exchange, Sample
from umind.tokens.vocabulary import TASK_TOKENS

CHOICE = "single choice"
ASKED = (*(kind for kind in JUDGES if kind in KINDS), CHOICE)
"""Kinds of `umind.data.instruct.KINDS` that have a right answer."""
OWN = "own, "
"""Before the kind of a question that the set itself asks."""


@dataclass(frozen=True)
class Item:
    """A question with the way to judge its answer.

    Args:
        kind: A kind of `ASKED`, or `OWN` and one of `JUDGES`.
        question: As it is put.
        answer: Reference, without task tokens.
        judge: From an answer and the reference to its worth; None when it cannot be parsed.
    """

    kind: str
    question: str
    answer: str
    judge: Judge


@dataclass(frozen=True)
class VqaCase:
    """One question.

    Args:
        dataset: Set.
        key: Image inside the set.
        unit: What the bootstrap draws.
        kind: Kind of question.
        question: As it was put.
        text: As it was answered.
        reference: What the annotation says.
        worth: 1 for right, 0 for wrong or unparsed; a description has the F1 of its findings.
        parsed: Whether an answer of that kind could be read.
    """

    dataset: str
    key: str
    unit: str
    kind: str
    question: str
    text: str
    reference: str
    worth: float
    parsed: bool


@dataclass(frozen=True)
class VqaScore:
    """Questions of one kind.

    Args:
        dataset: Set, or ``"all sets"``.
        kind: Kind of question.
        num_questions: All of them are in the mean.
        num_unparsed: Answers that could not be read, each counted as wrong.
        accuracy: Mean worth with its 95 % interval over patients.
        cases: The questions.
    """

    dataset: str
    kind: str
    num_questions: int
    num_unparsed: int
    accuracy: Interval
    cases: tuple[VqaCase, ...]


def evaluate_vqa(model: Verbs, samples: Iterable[Sample]) -> tuple[VqaScore, ...]:
    """Ask each sample a question of every kind that its annotation answers, both with yes and with no, and all of its own.

    Each question stands alone: of a conversation no turn sees an earlier one. Scores come set by set and kind by kind, and over
    all sets if there are several.

    Args:
        model: What to score.
        samples: Of any sets.
    """
    asked: dict[tuple[str, str], Mapping[str, Item]] = {}

    def questions(sample: Sample) -> list[str]:
        asked[sample.dataset, sample.key] = items_of(sample)
        return list(asked[sample.dataset, sample.key])

    cases = []
    for sample, question, result in interview(model, samples, questions, model.ask):
        item = asked[sample.dataset, sample.key][question]
        worth = item.judge(result.text, item.answer)
        cases.append(
            VqaCase(
                sample.dataset,
                sample.key,
                unit_of_chance(sample),
                item.kind,
                question,
                result.text,
                item.answer,
                worth=worth or 0.0,
                parsed=worth is not None,
            )
        )
    groups: dict[tuple[str, str], list[VqaCase]] = {}
    several = len({case.dataset for case in cases}) > 1
    for name in (None, ALL) if several else (None,):
        for case in cases:
            groups.setdefault((name or case.dataset, case.kind), []).append(case)
    return tuple(summarise(name, group) for (name, _), group in groups.items())


def items_of(sample: Sample) -> Mapping[str, Item]:
    """Questions of a sample by their words; the choice depends on the sample alone."""
    rng = np.random.default_rng(zlib.crc32(f"{sample.dataset}/{sample.key}".encode()))
    case = case_of(sample, OPTIONS)
    found: dict[str, Item] = {}
    for kind in ASKED:
        by_answer: dict[str, list[Said]] = {}
        for said in KINDS[kind](case, rng):
            by_answer.setdefault(said.answer.split(",")[0] if kind == "yes or no" else "", []).append(said)
        for alike in by_answer.values():
            item = item_of(alike[rng.integers(len(alike))])
            if item.judge(item.answer, item.answer) == 1:
                found[item.question] = item
    for exchange in sample.exchanges:
        if exchange.question.strip():
            found.setdefault(exchange.asked, item_of_exchange(exchange))
    return MappingProxyType(found)


def item_of(said: Said) -> Item:
    """One of our questions."""
    answer = said.answer
    for token in TASK_TOKENS:
        answer = answer.replace(f" {token}", "")
    if said.kind != CHOICE:
        return Item(said.kind, said.question, answer, JUDGES[said.kind])
    options = re.findall(r"[A-Z]\. ([^;]+?)(?=;|\.$)", said.question)
    return Item(said.kind, said.question, answer, partial(judge_choice, options=options))


def item_of_exchange(exchange: Exchange) -> Item:
    """A question of the set's own, judged by what its answer is."""
    answer = exchange.answer
    if exchange.options and choice_of(answer, exchange.options) is not None:
        return Item(OWN + CHOICE, exchange.asked, answer, partial(judge_choice, options=exchange.options))
    if re.match(r"\W*(?:yes|no)\b(?:,|\W*$)", answer.casefold()):
        kind = "yes or no"
    elif findings_of(answer):
        kind = "describe"
    else:
        kind = "how big" if quantities_of(answer) else "words"
    return Item(OWN + kind, exchange.asked, answer, JUDGES[kind])


def summarise(name: str, cases: Sequence[VqaCase]) -> VqaScore:
    """Scores of the questions of one kind."""
    return VqaScore(
        name,
        cases[0].kind,
        num_questions=len(cases),
        num_unparsed=sum(not case.parsed for case in cases),
        accuracy=mean_interval([case.worth for case in cases], [case.unit for case in cases]),
        cases=tuple(cases),
    )
