"""Benign or malignant, by the probabilities of ``classify``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from umind.evaluation.interview import interview, unit_of_chance
from umind.evaluation.verbs import Verbs
from umind.metrics.bootstrap import Interval, bootstrap_interval
from umind.metrics.probability import auroc, balanced_accuracy, brier, calibration_error, specificity_at_sensitivity
from umind.schema.sample import Sample

OPTIONS = ("benign", "malignant")
STRUCTURE = "breast lesion"
SENSITIVITY = 0.95


@dataclass(frozen=True)
class DiagnosisCase:
    """One lesion.

    Args:
        dataset: Set.
        key: Image inside the set.
        unit: What the bootstrap draws.
        probability: Of malignant.
        malignant: What the set says.
    """

    dataset: str
    key: str
    unit: str
    probability: float
    malignant: bool


@dataclass(frozen=True)
class DiagnosisScore:
    """Benign against malignant on one set.

    Args:
        dataset: Set.
        num_benign: Benign lesions.
        num_malignant: Malignant lesions.
        auroc: With its 95 % interval over patients.
        balanced_accuracy: At a probability of one half.
        specificity: At 95 % sensitivity, the threshold chosen on these very cases.
        calibration_error: Expected calibration error, bias taken out.
        brier: Mean squared error of the probability.
        cases: The lesions.
    """

    dataset: str
    num_benign: int
    num_malignant: int
    auroc: Interval
    balanced_accuracy: float
    specificity: float
    calibration_error: float
    brier: float
    cases: tuple[DiagnosisCase, ...]


def evaluate_diagnosis(model: Verbs, samples: Iterable[Sample], *, structure: str = STRUCTURE) -> tuple[DiagnosisScore, ...]:
    """Classify every lesion whose annotation says benign or malignant, whether or not the model finds it.

    Args:
        model: What to score.
        samples: Of any sets.
        structure: What is classified.
    """
    cases: dict[str, list[DiagnosisCase]] = {}
    for case in diagnosis_cases(model, samples, structure):
        cases.setdefault(case.dataset, []).append(case)
    return tuple(summarise(group) for group in cases.values())


def diagnosis_cases(model: Verbs, samples: Iterable[Sample], structure: str = STRUCTURE) -> list[DiagnosisCase]:
    """One case for each image with a known class."""

    def known(sample: Sample) -> list[str]:
        lesion = sample.structure(structure)
        return [structure] if lesion is not None and lesion.attributes.get("class") in OPTIONS else []

    verb = partial(model.classify, options=OPTIONS, threshold=0)
    return [
        DiagnosisCase(
            sample.dataset,
            sample.key,
            unit_of_chance(sample),
            probability=float(result.probabilities[result.labels.index("malignant")]),
            malignant=class_of(sample, structure) == "malignant",
        )
        for sample, _, result in interview(model, samples, known, verb)
    ]


def class_of(sample: Sample, structure: str) -> str:
    """The class that the annotation gives."""
    lesion = sample.structure(structure)
    assert lesion is not None
    return lesion.attributes["class"]


def summarise(cases: Sequence[DiagnosisCase]) -> DiagnosisScore:
    """Scores over the lesions of one set."""
    probabilities, truth = np.array([c.probability for c in cases]), np.array([c.malignant for c in cases])
    return DiagnosisScore(
        cases[0].dataset,
        num_benign=int((~truth).sum()),
        num_malignant=int(truth.sum()),
        auroc=bootstrap_interval(lambda rows: auroc(probabilities[rows], truth[rows]), [c.unit for c in cases]),
        balanced_accuracy=balanced_accuracy((probabilities >= 0.5).astype(int), truth.astype(int)),
        specificity=specificity_at_sensitivity(probabilities, truth, SENSITIVITY),
        calibration_error=calibration_error(probabilities, truth),
        brier=brier(probabilities, truth),
        cases=tuple(cases),
    )
