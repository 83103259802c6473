"""Axis ends of heads and focal lesions, set by set, where a structure is clearly longer than wide."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from umind.data.examples import axis_ends
from umind.data.wording import FOCAL
from umind.evaluation.axes import PAIRS
from umind.evaluation.interview import interview, unit_of_chance
from umind.evaluation.rows import grouped, mean_interval
from umind.evaluation.truth import is_outlined, masks_of
from umind.evaluation.verbs import Verbs
from umind.metrics.bootstrap import Interval, bootstrap_interval
from umind.metrics.keypoints import (
    has_clear_axes,
    keypoint_average_precision,
    keypoint_scores,
    keypoint_similarity,
    radial_errors,
)
from umind.schema.sample import Sample

POINTED = ("fetal head", *FOCAL)
RADII = (0.05, 0.10)
"""Of the detection rate, as shares of the true long axis: lesions and heads differ tenfold in size."""
SIGMA = 0.05
"""Of the OKS; see `umind.metrics.keypoints.keypoint_similarity`."""


@dataclass(frozen=True)
class KeypointCase:
    """The four axis ends of one structure.

    Args:
        dataset: Set.
        phrase: What was asked for.
        key: Image inside the set.
        unit: What the bootstrap draws.
        pixels: Errors in pixels, infinite for a miss.
        millimetres: Errors in millimetres, infinite for a miss; NaN without spacing.
        length: True long axis in pixels.
        similarity: OKS; 0 for a miss.
        presence: Probability that the structure is there.
    """

    dataset: str
    phrase: str
    key: str
    unit: str
    pixels: tuple[float, ...]
    millimetres: tuple[float, ...]
    length: float
    similarity: float
    presence: float

    @property
    def found(self) -> bool:
        """Whether any points came back."""
        return math.isfinite(self.pixels[0])


@dataclass(frozen=True)
class KeypointScore:
    """Axis ends of one phrase on one set, or over all of them; intervals are 95 % over patients.

    Args:
        dataset: Set, or `umind.evaluation.rows.ALL`.
        phrase: What was asked for.
        num_images: Images with exactly one instance that is clearly longer than wide.
        num_missed: Of these, how many gave no points; they are failures in the rates and the OKS-AP, and out of the means.
        mre_px: Mean radial error of the points found, pixels.
        mre_mm: The same in millimetres over the images with spacing; NaN without any.
        nme: Mean radial error of the points found, as a share of the true long axis.
        within_5: Detection rate: share of all points at most 5 % of the true long axis away.
        within_10: The same for 10 %.
        oks_ap: COCO's keypoint average precision, OKS 0.50 to 0.95 with a sigma of 0.05; ranked by presence.
        cases: The images.
    """

    dataset: str
    phrase: str
    num_images: int
    num_missed: int
    mre_px: Interval
    mre_mm: Interval
    nme: Interval
    within_5: float
    within_10: float
    oks_ap: Interval
    cases: tuple[KeypointCase, ...]


def evaluate_keypoints(
    model: Verbs, samples: Iterable[Sample], *, phrases: Sequence[str] = POINTED
) -> tuple[KeypointScore, ...]:
    """Point at the axis ends wherever one clear structure is there; the two ends of an axis are compared both ways round.

    Args:
        model: What to score.
        samples: Of any sets; an image without a structure, with several or with a round one is not asked.
        phrases: Canonical names to score.
    """

    def clear(sample: Sample) -> list[str]:
        single = (name for name in phrases if is_outlined(sample, name) and len(masks_of(sample, name)) == 1)
        return [name for name in single if has_clear_axes(axis_ends(masks_of(sample, name)[0]), sample.image.spacing)]

    cases = []
    for sample, phrase, result in interview(model, samples, clear, model.keypoints):
        mask, spacing = masks_of(sample, phrase)[0], sample.image.spacing
        truth = axis_ends(mask)
        pixels = radial_errors(result.points, truth, pairs=PAIRS)
        millimetres = radial_errors(result.points, truth, spacing, PAIRS) if spacing else np.full(len(truth), math.nan)
        case = KeypointCase(
            sample.dataset,
            phrase,
            sample.key,
            unit_of_chance(sample),
            pixels=tuple(pixels.tolist()),
            millimetres=tuple(millimetres.tolist()),
            length=float(np.linalg.norm(truth[1] - truth[0])),
            similarity=keypoint_similarity(pixels, float(mask.sum()), SIGMA),
            presence=float(result.presence),
        )
        cases.append(case)
    return tuple(summarise(dataset, group) for dataset, _, group, _ in grouped(cases))


def summarise(dataset: str, cases: Sequence[KeypointCase]) -> KeypointScore:
    """Scores over the images of one row."""
    units = [case.unit for case in cases]
    shares = np.array([case.pixels for case in cases]) / np.array([[case.length] for case in cases])  # (N, 4)
    rates = keypoint_scores(shares.flatten(), RADII).detection_rates
    similarities, presence = np.array([case.similarity for case in cases]), np.array([case.presence for case in cases])
    found = np.array([case.found for case in cases])

    def precision(rows: Int[np.ndarray, "m"]) -> float:
        answered = rows[found[rows]]
        return keypoint_average_precision(similarities[answered], presence[answered], len(rows)).mean

    def mean_of_found(errors: Sequence[Sequence[float]]) -> Interval:
        means = [float(np.mean(row)) if case.found else math.nan for row, case in zip(errors, cases, strict=True)]
        return mean_interval(means, units)

    return KeypointScore(
        dataset,
        cases[0].phrase,
        num_images=len(cases),
        num_missed=int((~found).sum()),
        mre_px=mean_of_found([case.pixels for case in cases]),
        mre_mm=mean_of_found([case.millimetres for case in cases]),
        nme=mean_of_found(shares.tolist()),
        within_5=rates[0],
        within_10=rates[1],
        oks_ap=bootstrap_interval(precision, units),
        cases=tuple(cases),
    )
