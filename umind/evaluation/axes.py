"""Keypoints: the ends of a structure's axes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from umind.data.examples import axis_ends
from umind.evaluation.interview import interview
from umind.evaluation.truth import masks_of
from umind.evaluation.verbs import Verbs
from umind.metrics.keypoints import has_clear_axes, keypoint_scores, radial_errors
from umind.schema.sample import Sample

PAIRS = ((0, 1), (2, 3))
"""Two ends of one axis: which is the start is a convention, so they are compared both ways round."""
RADII = (2.0, 5.0)


@dataclass(frozen=True)
class AxisCase:
    """Axis ends of one structure.

    Args:
        key: Image.
        errors: Of the four ends in percent of the image's diagonal; infinite for a miss.
        swapped: The long axis predicted lies nearer to the true short one.
    """

    key: str
    errors: tuple[float, ...]
    swapped: bool


@dataclass(frozen=True)
class AxisScore:
    """Axis ends of one phrase.

    Args:
        phrase: What was asked for.
        num_images: Images with exactly one instance that is clearly longer than wide.
        num_missed: Of these, how many gave no points.
        mean: Mean error in percent of the image's diagonal over the points found.
        sd: Its standard deviation.
        within_2: Share of all points at most 2 % of the diagonal away; a point missed is not.
        within_5: The same for 5 %.
        swapped: Share of the images found whose long axis was taken for the short one.
        cases: The images.
    """

    phrase: str
    num_images: int
    num_missed: int
    mean: float
    sd: float
    within_2: float
    within_5: float
    swapped: float
    cases: tuple[AxisCase, ...]


def evaluate_axes(model: Verbs, samples: Iterable[Sample], phrase: str) -> AxisScore:
    """Point at the axis ends wherever one clear structure of the phrase is there.

    Args:
        model: What to score.
        samples: Any; those with none, several or a round instance are not asked.
        phrase: Canonical name.
    """

    def clear(sample: Sample) -> list[str]:
        masks = masks_of(sample, phrase)
        return [phrase] if len(masks) == 1 and has_clear_axes(axis_ends(masks[0])) else []

    cases = []
    for sample, _, result in interview(model, samples, clear, model.keypoints):
        truth = axis_ends(masks_of(sample, phrase)[0])
        diagonal = math.hypot(sample.image.width, sample.image.height)
        errors = 100 * radial_errors(result.points, truth, pairs=PAIRS) / diagonal
        crossed = 100 * radial_errors(result.points[[2, 3, 0, 1]], truth, pairs=PAIRS) / diagonal if len(result) else errors
        cases.append(AxisCase(sample.key, tuple(errors.tolist()), bool(crossed.sum() < errors.sum())))
    scores = keypoint_scores(np.array([error for case in cases for error in case.errors]), RADII)
    found = [case for case in cases if math.isfinite(case.errors[0])]
    return AxisScore(
        phrase,
        num_images=len(cases),
        num_missed=len(cases) - len(found),
        mean=scores.mean,
        sd=scores.sd,
        within_2=scores.detection_rates[0],
        within_5=scores.detection_rates[1],
        swapped=float(np.mean([case.swapped for case in found])) if found else math.nan,
        cases=tuple(cases),
    )
