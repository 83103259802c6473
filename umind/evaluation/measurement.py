"""Millimetres against references: head circumference, and the longest diameter of focal lesions where a set has spacing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from umind.data.wording import FOCAL
from umind.evaluation.calipers import CIRCUMFERENCE, DIAMETER, reference_of
from umind.evaluation.interview import interview, unit_of_chance
from umind.evaluation.rows import mean_interval
from umind.evaluation.verbs import Verbs
from umind.metrics.bootstrap import Interval
from umind.metrics.measurement import Agreement, IntraclassCorrelation, agreement, intraclass_correlation, share_within
from umind.schema.sample import Sample

MEASURED = (CIRCUMFERENCE, *(f"{DIAMETER}{name}" for name in FOCAL))
HEAD_TOLERANCE = 0.03
"""Share of a head circumference: 95 % limits of one sonographer's repeats (Sarris et al. 2012, Ultrasound Obstet Gynecol)."""
LESION_TOLERANCE = 0.2
"""Share of a longest diameter: a larger error would read as growth, for which a BI-RADS 3 mass is biopsied."""


@dataclass(frozen=True)
class MeasurementCase:
    """One measurement.

    Args:
        dataset: Set.
        name: Protocol, with its target.
        key: Image inside the set.
        unit: What the bootstrap draws.
        value: Millimetres; NaN for a miss.
        spread: Standard deviation that the model claims, millimetres; NaN for a miss.
        reference: Millimetres.
    """

    dataset: str
    name: str
    key: str
    unit: str
    value: float
    spread: float
    reference: float


@dataclass(frozen=True)
class MeasurementScore:
    """One measurement on one set.

    Args:
        dataset: Set.
        name: Protocol, with its target.
        agreement: MAE, bias and limits of agreement over the images measured, and how many were missed.
        mae: Mean absolute error in millimetres with its 95 % interval over patients, misses left out.
        icc: ICC(2,1) of values and references over the images measured; NaN where it is not defined.
        tolerance: Clinical tolerance as a share of the reference.
        within: Share of all images within that tolerance, with its 95 % interval over patients; a miss is not.
        coverage: Share of the images measured whose reference lies within 1.96 claimed spreads.
        cases: The images.
    """

    dataset: str
    name: str
    agreement: Agreement
    mae: Interval
    icc: IntraclassCorrelation
    tolerance: float
    within: Interval
    coverage: float
    cases: tuple[MeasurementCase, ...]


def evaluate_measurement(
    model: Verbs, samples: Iterable[Sample], *, names: Sequence[str] = MEASURED
) -> tuple[MeasurementScore, ...]:
    """Measure every sample that has a reference of these names; a None counts as a miss.

    Args:
        model: What to score.
        samples: Of any sets.
        names: Protocols with their targets, the phrases to ask: "head circumference", whose reference is the set's, or
            "longest diameter of the " and a canonical name, whose reference is read from the largest outlined instance.

    Raises:
        ValueError: An image with a reference has no spacing, or no reference is known for such a name.
    """
    cases: dict[tuple[str, str], list[MeasurementCase]] = {}

    def measurable(sample: Sample) -> list[str]:
        return [name for name in names if reference_of(sample, name) is not None]

    for sample, name, result in interview(model, samples, measurable, model.measure):
        if sample.image.spacing is None:
            raise ValueError(f"{sample.dataset}/{sample.key} has a reference in millimetres and no spacing")
        reference = reference_of(sample, name)
        assert reference is not None
        value, spread = (float("nan") if number is None else float(number) for number in (result.value, result.spread))
        case = MeasurementCase(sample.dataset, name, sample.key, unit_of_chance(sample), value, spread, reference)
        cases.setdefault((sample.dataset, name), []).append(case)
    return tuple(summarise(group) for group in cases.values())


def summarise(cases: Sequence[MeasurementCase]) -> MeasurementScore:
    """Agreement over the images of one set."""
    values, references = np.array([c.value for c in cases]), np.array([c.reference for c in cases])
    errors, spreads = np.abs(values - references), np.array([c.spread for c in cases])
    units, measured = [c.unit for c in cases], ~np.isnan(values)
    tolerance = HEAD_TOLERANCE if cases[0].name == CIRCUMFERENCE else LESION_TOLERANCE
    within = [share_within(values[[row]], references[[row]], tolerance * references[[row]]) for row in range(len(cases))]
    covered = errors[measured] <= 1.96 * spreads[measured]
    return MeasurementScore(
        cases[0].dataset,
        cases[0].name,
        agreement=agreement(values, references),
        mae=mean_interval(errors, units),
        icc=correlation(values[measured], references[measured]),
        tolerance=tolerance,
        within=mean_interval(within, units),
        coverage=float(covered.mean()) if len(covered) else float("nan"),
        cases=tuple(cases),
    )


def correlation(values: Float[np.ndarray, "n"], references: Float[np.ndarray, "n"]) -> IntraclassCorrelation:
    """ICC(2,1); NaN below two cases, and where all numbers are equal."""
    try:
        return intraclass_correlation(np.column_stack([values, references]))
    except ValueError:
        return IntraclassCorrelation(float("nan"), float("nan"), float("nan"))
