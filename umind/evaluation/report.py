"""Reports: what they state, and every number in them, against the annotation."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from umind.data.conversation import NOTHING, Turn, sentences
from umind.data.instruct import case_of
from umind.data.wording import FOCAL
from umind.evaluation.interview import interview, unit_of_chance
from umind.evaluation.judge import TOLERANCE
from umind.evaluation.rows import mean_interval
from umind.evaluation.truth import LESION, masks_of
from umind.evaluation.verbs import Verbs
from umind.metrics.answers import TextScores, text_scores
from umind.metrics.bootstrap import Interval, Statistic, bootstrap_interval
from umind.metrics.classes import accuracy, macro_f1
from umind.metrics.descriptors import DESCRIPTORS, descriptor_of
from umind.metrics.findings import Agreed, compare_findings, compare_numbers
from umind.metrics.language import is_chinese
from umind.protocols.measure import measure
from umind.protocols.registry import region_protocol_of
from umind.schema.result import Measurement
from umind.schema.sample import Sample
from umind.tasks.ask import sentence_case
from umind.tokens.vocabulary import MEAS, TASK_TOKENS


@dataclass(frozen=True)
class ReportCase:
    """One report.

    Args:
        dataset: Set.
        key: Image inside the set.
        unit: What the bootstrap draws.
        text: As the model wrote it.
        reference: What the annotation supports, or the set's own report.
        findings: Findings in common.
        numbers: Numbers in common, within the tolerance.
        num_unsupported: Numbers of the text that are none of its measurements.
        described: Class of each descriptor that the annotation states of the only structure described, by its name.
    """

    dataset: str
    key: str
    unit: str
    text: str
    reference: str
    findings: Agreed
    numbers: Agreed
    num_unsupported: int
    described: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class DescriptorScore:
    """One descriptor.

    Args:
        name: Key of `umind.metrics.descriptors.DESCRIPTORS`.
        num_images: Images whose annotation states it.
        num_unread: Reports that state no class of it, or several; each counts as wrong.
        accuracy: Share whose report states the annotated class.
        macro_f1: Mean of the classes' F1 with its 95 % interval over patients.
    """

    name: str
    num_images: int
    num_unread: int
    accuracy: float
    macro_f1: Interval


@dataclass(frozen=True)
class ReportScore:
    """Reports on one set, in one language of the references.

    Args:
        dataset: Set.
        language: ``"en"``, or ``"zh"``, which is compared by characters.
        num_reports: Images with a reference, a denial of a lesion among them.
        text: Likeness of the wording, and findings and numbers within 10 %.
        finding_f1: Of findings with side and negation, with its 95 % interval over patients.
        number_f1: Of numbers with unit, within 10 %, with its 95 % interval over patients.
        supported: Share of the reports in which every number is one of the report's own measurements, with its interval.
        num_unsupported: Numbers that are none.
        descriptors: Those that the annotation states.
        cases: The reports.
    """

    dataset: str
    language: str
    num_reports: int
    text: TextScores
    finding_f1: Interval
    number_f1: Interval
    supported: Interval
    num_unsupported: int
    descriptors: tuple[DescriptorScore, ...]
    cases: tuple[ReportCase, ...]


def evaluate_report(model: Verbs, samples: Iterable[Sample]) -> tuple[ReportScore, ...]:
    """Have a report written of every sample that has a reference, and compare.

    Args:
        model: What to score.
        samples: Of any sets.
    """
    cases: dict[tuple[str, str], list[ReportCase]] = {}

    def known(sample: Sample) -> list[str]:
        return ["report"] if reference_of(sample) else []

    for sample, _, result in interview(model, samples, known, lambda images, _: model.report(images)):
        reference = reference_of(sample)
        case = ReportCase(
            sample.dataset,
            sample.key,
            unit_of_chance(sample),
            result.text,
            reference,
            findings=compare_findings([result.text], [reference]),
            numbers=compare_numbers([result.text], [reference], TOLERANCE),
            num_unsupported=num_unsupported(result.text, result.measurements),
            described=described(sample),
        )
        cases.setdefault((sample.dataset, "zh" if is_chinese(reference) else "en"), []).append(case)
    return tuple(summarise(language, group) for (_, language), group in cases.items())


def reference_of(sample: Sample) -> str:
    """The set's own report, else the sentences that the annotation supports, with true numbers; empty if it says nothing."""
    if sample.report:
        return sample.report
    case = case_of(sample, {})
    free = not any(structure.name in FOCAL for structure in sample.structures)
    absent = (*case.absent, LESION) if free and any(name in FOCAL for name in case.absent) else case.absent
    said = sentences(case.organ, case.findings, absent, case.attributes)
    bare = sentences(case.organ, (), (), {})
    return filled(said, sample) if said != bare else ""


def filled(said: Turn, sample: Sample) -> str:
    """A sentence without task tokens, each ``[MEAS]`` replaced by the true value of what the words before it name."""
    targets, text = iter(said.targets), ""
    for piece in re.split(r"(\[[A-Z]+\])", said.answer):
        if piece not in TASK_TOKENS:
            text = f"{text.rstrip()} {piece.lstrip()}"
            continue
        target = next(targets)
        if piece == MEAS:
            protocol = region_protocol_of(re.split(r"[.,;]", text)[-1])
            assert protocol.region
            value = sample.measurements.get(protocol.name)
            if value is None:
                drawn = masks_of(sample, target)[0]
                value = measure(protocol, masks={protocol.region.name: drawn}, spacing=sample.image.spacing).value
            text = f"{text.rstrip()} {value:.1f} {protocol.unit_of(calibrated=sample.image.spacing is not None)}"
    return sentence_case(text)


def num_unsupported(text: str, measurements: Sequence[Measurement]) -> int:
    """How many numbers of a text are none of its measurements as they are printed."""
    printed = compare_numbers([text], [", ".join(map(str, measurements))])
    return printed.num_stated - printed.num_right


def described(sample: Sample) -> tuple[tuple[str, str], ...]:
    """Descriptors with their classes, if exactly one structure is described; an attribute of no known class is left out."""
    known = [structure.attributes for structure in sample.structures if structure.attributes.keys() & DESCRIPTORS.keys()]
    if len(known) != 1:
        return ()
    stated = {name: known[0][name] for name in DESCRIPTORS if name in known[0]}
    read = ((name, descriptor_of(f"no {name}" if said in NOTHING else said, name)) for name, said in stated.items())
    return tuple((name, label) for name, label in read if label is not None)


def summarise(language: str, cases: Sequence[ReportCase]) -> ReportScore:
    """Scores over the reports of one set."""
    units = [case.unit for case in cases]
    scored = (score_descriptor(name, cases) for name in DESCRIPTORS)
    return ReportScore(
        cases[0].dataset,
        language,
        num_reports=len(cases),
        text=text_scores(
            [case.text for case in cases], [case.reference for case in cases], language=language, tolerance=TOLERANCE
        ),
        finding_f1=f1_interval([case.findings for case in cases], units),
        number_f1=f1_interval([case.numbers for case in cases], units),
        supported=mean_interval([float(case.num_unsupported == 0) for case in cases], units),
        num_unsupported=sum(case.num_unsupported for case in cases),
        descriptors=tuple(score for score in scored if score is not None),
        cases=tuple(cases),
    )


def f1_interval(agreed: Sequence[Agreed], units: Sequence[str]) -> Interval:
    """`pooled_f1` with its interval over patients."""
    return bootstrap_interval(pooled_f1(agreed), units)


def pooled_f1(agreed: Sequence[Agreed]) -> Statistic:
    """F1 of the statements of all reports together; NaN when nobody states anything."""
    counts = np.array([(a.num_right, a.num_stated + a.num_true) for a in agreed])  # (N, 2)

    def pooled(rows: Int[np.ndarray, "m"]) -> float:
        right, total = counts[rows].sum(0).tolist()
        return 2 * right / total if total else math.nan

    return pooled


def score_descriptor(name: str, cases: Sequence[ReportCase]) -> DescriptorScore | None:
    """Agreement on one descriptor; None when no annotation states it."""
    stated = stating(name, cases)
    if not stated:
        return None
    predicted, truth = descriptor_places(name, stated)
    return DescriptorScore(
        name,
        num_images=len(stated),
        num_unread=int((predicted < 0).sum()),
        accuracy=accuracy(predicted, truth),
        macro_f1=bootstrap_interval(lambda rows: macro_f1(predicted[rows], truth[rows]), [case.unit for case in stated]),
    )


def stating(name: str, cases: Sequence[ReportCase]) -> list[ReportCase]:
    """Cases whose annotation states a descriptor."""
    return [case for case in cases if name in dict(case.described)]


def descriptor_places(name: str, cases: Sequence[ReportCase]) -> tuple[Int[np.ndarray, "n"], Int[np.ndarray, "n"]]:
    """Class of a descriptor that each report states, -1 where none can be read, and that the annotation states."""
    classes = list(DESCRIPTORS[name])
    read = [descriptor_of(case.text, name) for case in cases]
    predicted = np.array([-1 if label is None else classes.index(label) for label in read])
    return predicted, np.array([classes.index(dict(case.described)[name]) for case in cases])
