"""Head circumference in millimetres, against the reference of the set."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from umind.evaluation.interview import interview, unit_of_chance
from umind.evaluation.verbs import Verbs
from umind.metrics.bootstrap import Interval, bootstrap_interval
from umind.metrics.measurement import Agreement, agreement
from umind.schema.sample import Sample

CIRCUMFERENCE = "head circumference"


@dataclass(frozen=True)
class MeasurementCase:
    """One measurement.

    Args:
        dataset: Set.
        key: Image inside the set.
        unit: What the bootstrap draws.
        value: Millimetres; NaN for a miss.
        spread: Standard deviation that the model claims, millimetres; NaN for a miss.
        reference: Millimetres.
    """

    dataset: str
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
        name: Protocol.
        agreement: MAE, bias and limits of agreement over the images measured, and how many were missed.
        mae: Mean absolute error in millimetres with its 95 % interval over patients, misses left out.
        coverage: Share of the images measured whose reference lies within 1.96 claimed spreads.
        cases: The images.
    """

    dataset: str
    name: str
    agreement: Agreement
    mae: Interval
    coverage: float
    cases: tuple[MeasurementCase, ...]


def evaluate_measurement(model: Verbs, samples: Iterable[Sample], *, name: str = CIRCUMFERENCE) -> tuple[MeasurementScore, ...]:
    """Measure every sample that has a reference of this name; a None counts as a miss.

    Args:
        model: What to score.
        samples: Of any sets.
        name: Protocol, and the phrase to ask.

    Raises:
        ValueError: An image with a reference has no spacing.
    """
    cases: dict[str, list[MeasurementCase]] = {}
    for sample, _, result in interview(model, samples, lambda s: [name] if name in s.measurements else [], model.measure):
        if sample.image.spacing is None:
            raise ValueError(f"{sample.dataset}/{sample.key} has a reference in millimetres and no spacing")
        value, spread = (float("nan") if number is None else float(number) for number in (result.value, result.spread))
        case = MeasurementCase(
            sample.dataset, sample.key, unit_of_chance(sample), value, spread, reference=sample.measurements[name]
        )
        cases.setdefault(sample.dataset, []).append(case)
    return tuple(summarise(name, group) for group in cases.values())


def summarise(name: str, cases: list[MeasurementCase]) -> MeasurementScore:
    """Agreement over the images of one set."""
    values, references = np.array([c.value for c in cases]), np.array([c.reference for c in cases])
    errors, spreads = np.abs(values - references), np.array([c.spread for c in cases])
    measured = ~np.isnan(values)

    def mean_error(rows: Int[np.ndarray, "m"]) -> float:
        kept = errors[rows][measured[rows]]
        return float(kept.mean()) if len(kept) else float("nan")

    within = errors[measured] <= 1.96 * spreads[measured]
    return MeasurementScore(
        cases[0].dataset,
        name,
        agreement=agreement(values, references),
        mae=bootstrap_interval(mean_error, [c.unit for c in cases]),
        coverage=float(within.mean()) if len(within) else float("nan"),
        cases=tuple(cases),
    )
