"""Classes of lesions, by the probabilities of ``classify``: benign or malignant, and sets with more classes than two."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Float, Integer

from umind.evaluation.interview import interview, unit_of_chance
from umind.evaluation.rows import ALL
from umind.evaluation.verbs import Verbs
from umind.metrics.bootstrap import Interval, bootstrap_interval
from umind.metrics.classes import macro_f1
from umind.metrics.diagnosis import diagnosis_scores
from umind.metrics.probability import auroc, balanced_accuracy, specificity_at_sensitivity
from umind.schema.sample import Sample

OPTIONS = ("benign", "malignant")
STRUCTURE = "breast lesion"
SENSITIVITY = 0.95


@dataclass(frozen=True)
class DiagnosisCase:
    """One lesion.

    Args:
        dataset: Set.
        structure: What was classified.
        options: Classes to choose from.
        key: Image inside the set.
        unit: What the bootstrap draws.
        probabilities: Of each option; NaN for an answer that could not be read.
        truth: Place of the set's class among the options.
    """

    dataset: str
    structure: str
    options: tuple[str, ...]
    key: str
    unit: str
    probabilities: tuple[float, ...]
    truth: int

    @property
    def probability(self) -> float:
        """Of the last option, malignant where there are two."""
        return self.probabilities[-1]

    @property
    def malignant(self) -> bool:
        """Whether the last option is the true one."""
        return self.truth == len(self.options) - 1


@dataclass(frozen=True)
class DiagnosisScore:
    """Classes of one structure on one set; intervals are 95 % over patients.

    Args:
        dataset: Set, or `umind.evaluation.rows.ALL`.
        structure: What was classified.
        counts: Lesions of each class.
        num_unreadable: Answers that could not be read; each counts as wrong.
        auroc: Of malignant; with more than two classes the mean over the true ones, each against the rest.
        balanced_accuracy: Mean recall of the class with the highest probability.
        macro_f1: Mean F1 over the classes.
        quadratic_kappa: Of benign and malignant (Cohen's kappa); NaN with more classes, whose order is only the alphabet's.
        specificity: At 95 % sensitivity, the threshold chosen on these very cases; NaN with more than two classes.
        calibration_error: Expected calibration error, bias taken out; with more than two classes of the class chosen.
        calibration_slope: 1 is perfect, below 1 too sure; NaN with more than two classes.
        brier: Mean squared error of the probability of malignant; with more than two classes Brier's sum.
        cases: The lesions.
    """

    dataset: str
    structure: str
    counts: dict[str, int]
    num_unreadable: int
    auroc: Interval
    balanced_accuracy: Interval
    macro_f1: Interval
    quadratic_kappa: float
    specificity: float
    calibration_error: float
    calibration_slope: float
    brier: float
    cases: tuple[DiagnosisCase, ...]


def evaluate_diagnosis(model: Verbs, samples: Iterable[Sample]) -> tuple[DiagnosisScore, ...]:
    """Classify every lesion whose class the annotation tells, whether or not the model finds it.

    Sets that ask for the same classes of a structure have a score each, and one together.

    Args:
        model: What to score.
        samples: Of any sets; they must be walkable more than once, since the classes are looked up first.
    """
    scores = []
    for (structure, options), datasets in choices_of(samples).items():
        chosen = (sample for sample in samples if sample.dataset in datasets)
        cases: dict[str, list[DiagnosisCase]] = {}
        for case in diagnosis_cases(model, chosen, structure, options):
            cases.setdefault(case.dataset, []).append(case)
        if len(cases) > 1:
            cases[ALL] = [case for group in cases.values() for case in group]
        scores += [summarise(dataset, group) for dataset, group in cases.items()]
    return tuple(scores)


def choices_of(samples: Iterable[Sample]) -> dict[tuple[str, tuple[str, ...]], set[str]]:
    """Sets by what they classify, structure and options: benign and malignant, or all classes of a set with more than two."""
    found: dict[tuple[str, str], set[str]] = {}
    for sample in samples:
        for structure in sample.structures:
            if "class" in structure.attributes:
                found.setdefault((sample.dataset, structure.name), set()).add(structure.attributes["class"])
    choices: dict[tuple[str, tuple[str, ...]], set[str]] = {}
    for (dataset, name), classes in found.items():
        if classes <= {*OPTIONS} or len(classes) > len(OPTIONS):
            options = OPTIONS if classes <= {*OPTIONS} else tuple(sorted(classes))
            choices.setdefault((name, options), set()).add(dataset)
    return choices


def diagnosis_cases(
    model: Verbs, samples: Iterable[Sample], structure: str = STRUCTURE, options: tuple[str, ...] = OPTIONS
) -> list[DiagnosisCase]:
    """One case for each image whose structure is of one of the classes."""

    def known(sample: Sample) -> list[str]:
        return [structure] if class_of(sample, structure) in options else []

    verb = partial(model.classify, options=options, threshold=0)
    return [
        DiagnosisCase(
            sample.dataset,
            structure,
            options,
            sample.key,
            unit_of_chance(sample),
            probabilities=tuple(float(result.probabilities[result.labels.index(option)]) for option in options),
            truth=options.index(class_of(sample, structure)),
        )
        for sample, _, result in interview(model, samples, known, verb)
    ]


def class_of(sample: Sample, structure: str) -> str:
    """The class that the annotation gives; empty where it gives none."""
    lesion = sample.structure(structure)
    return lesion.attributes.get("class", "") if lesion else ""


def summarise(dataset: str, cases: Sequence[DiagnosisCase]) -> DiagnosisScore:
    """Scores over the lesions of one structure, of a set or of several."""
    options = cases[0].options
    binary = len(options) == 2
    given, chosen, truth = decisions(cases)
    units = [c.unit for c in cases]
    scores = diagnosis_scores(np.array([c.probabilities for c in cases]), truth)
    return DiagnosisScore(
        dataset,
        cases[0].structure,
        counts={option: int((truth == place).sum()) for place, option in enumerate(options)},
        num_unreadable=scores.num_unreadable,
        auroc=bootstrap_interval(lambda rows: mean_auroc(given[rows], truth[rows]), units),
        balanced_accuracy=bootstrap_interval(lambda rows: balanced_accuracy(chosen[rows], truth[rows]), units),
        macro_f1=bootstrap_interval(lambda rows: macro_f1(chosen[rows], truth[rows]), units),
        quadratic_kappa=scores.quadratic_kappa if binary else math.nan,
        specificity=specificity_at_sensitivity(given[:, -1], truth == 1, SENSITIVITY) if binary else math.nan,
        calibration_error=scores.calibration_error,
        calibration_slope=scores.calibration_slope,
        brier=scores.brier,
        cases=tuple(cases),
    )


def decisions(
    cases: Sequence[DiagnosisCase],
) -> tuple[Float[np.ndarray, "n c"], Integer[np.ndarray, "n"], Integer[np.ndarray, "n"]]:
    """Probabilities, the class chosen and the true one; what could not be read is wrong for sure, and chose none: -1."""
    probabilities, truth = np.array([c.probabilities for c in cases]), np.array([c.truth for c in cases])
    num_options = probabilities.shape[1]
    unreadable = np.isnan(probabilities).any(1)
    worst = (np.arange(num_options) != truth[:, None]) / (num_options - 1)  # (N, C)
    given = np.where(unreadable[:, None], worst, probabilities)
    return given, np.where(unreadable, -1, given.argmax(1)), truth


def mean_auroc(probabilities: Float[np.ndarray, "n c"], truth: Integer[np.ndarray, "n"]) -> float:
    """Mean over the true classes of the AUROC of each against the rest; NaN with one class."""
    return float(np.mean([auroc(probabilities[:, label], truth == label) for label in np.unique(truth)]))
