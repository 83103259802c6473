"""Measurements against exact truth, as relative errors over all images: what was not measured is an error of 100 %."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from umind.evaluation.interview import interview
from umind.evaluation.truth import masks_of
from umind.evaluation.verbs import Verbs
from umind.protocols import Protocol, measure, protocol_of
from umind.schema.sample import Sample

CIRCUMFERENCE = "head circumference"
OF = " of the "
DIAMETER = f"longest diameter{OF}"


@dataclass(frozen=True)
class CaliperCase:
    """One measurement.

    Args:
        key: Image.
        num_true: Instances of what is measured; the largest one is the truth.
        value: What the model says, in the protocol's unit; NaN for a miss.
        spread: Standard deviation that it claims; NaN for a miss.
        reference: Truth.
    """

    key: str
    num_true: int
    value: float
    spread: float
    reference: float

    @property
    def error(self) -> float:
        """Relative error; 1 for a miss."""
        return 1.0 if math.isnan(self.value) else abs(self.value - self.reference) / self.reference

    @property
    def standardised(self) -> float:
        """Error in units of the spread claimed; NaN for a miss."""
        return (self.value - self.reference) / self.spread if self.spread > 0 else math.nan


@dataclass(frozen=True)
class CaliperScore:
    """One measurement over many images.

    Args:
        phrase: What was asked.
        num_images: Images with something to measure.
        num_missed: Of these, how many gave None.
        mean: Mean relative error over all of them, a miss counted as 1.
        median: Median, likewise.
        mean_single: Mean over the images with one instance, where there is no doubt which one is meant.
        median_single: Median over these.
        coverage: Share of what was measured whose truth lies within 1.96 claimed spreads.
        cases: The images.
    """

    phrase: str
    num_images: int
    num_missed: int
    mean: float
    median: float
    mean_single: float
    median_single: float
    coverage: float
    cases: tuple[CaliperCase, ...]


def evaluate_calipers(model: Verbs, samples: Iterable[Sample], phrase: str) -> CaliperScore:
    """Measure a phrase wherever there is a truth for it.

    Args:
        model: What to score.
        samples: With spacing.
        phrase: As "head circumference" or "area of the cyst".

    Raises:
        ValueError: The phrase names no protocol of one region.
    """
    cases = caliper_cases(model, samples, phrase)
    errors = [case.error for case in cases]
    single = [case.error for case in cases if case.num_true == 1]
    within = [abs(case.standardised) <= 1.96 for case in cases if not math.isnan(case.value)]
    return CaliperScore(
        phrase,
        num_images=len(cases),
        num_missed=sum(math.isnan(case.value) for case in cases),
        mean=mean(errors),
        median=median(errors),
        mean_single=mean(single),
        median_single=median(single),
        coverage=mean(within),
        cases=tuple(cases),
    )


def caliper_cases(model: Verbs, samples: Iterable[Sample], phrase: str) -> list[CaliperCase]:
    """One case for each image with a truth."""

    def measurable(sample: Sample) -> list[str]:
        return [phrase] if reference_of(sample, phrase) is not None else []

    cases = []
    for sample, _, result in interview(model, samples, measurable, model.measure):
        reference = reference_of(sample, phrase)
        assert reference is not None
        value, spread = (math.nan if number is None else float(number) for number in (result.value, result.spread))
        cases.append(CaliperCase(sample.key, max(1, len(masks_of(sample, target_of(phrase)))), value, spread, reference))
    return cases


def target_of(phrase: str) -> str:
    """Structure that a measurement is of: what stands behind "of the", else the fetal head."""
    return phrase.partition(OF)[2] or "fetal head"


def protocol_for(phrase: str) -> Protocol:
    """The protocol of one region that a phrase names.

    Raises:
        ValueError: It names none.
    """
    protocol = protocol_of(phrase)
    if protocol is None or protocol.region is None:
        raise ValueError(f"{phrase!r} names no protocol of one region")
    return protocol


def reference_of(sample: Sample, phrase: str) -> float | None:
    """True value in the protocol's unit, of the largest instance; None where there is nothing to measure.

    Raises:
        ValueError: The phrase names no protocol of one region.
    """
    protocol = protocol_for(phrase)
    if protocol.name in sample.measurements:
        return sample.measurements[protocol.name]
    masks = masks_of(sample, target_of(phrase))
    if not len(masks) or sample.image.spacing is None:
        return None
    assert protocol.region
    return measure(protocol, masks={protocol.region.name: masks[0]}, spacing=sample.image.spacing).value


def mean(values: Sequence[float]) -> float:
    """Mean; NaN of nothing."""
    return float(np.mean(values)) if values else math.nan


def median(values: Sequence[float]) -> float:
    """Median; NaN of nothing."""
    return float(np.median(values)) if values else math.nan
