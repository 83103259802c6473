"""Overlap of masks on images where the structure is, set by set."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Bool

from umind.evaluation.interview import interview, unit_of_chance
from umind.evaluation.verbs import Verbs
from umind.metrics.bootstrap import Interval, bootstrap_interval
from umind.metrics.overlap import dice, iou
from umind.schema.sample import Sample

SCORED = (
    "breast lesion",
    "fetal head",
    "ovarian mass",
    "thyroid nodule",
    "carotid artery",
    "nerve",
    "vessel",
    "liver lesion",
)
"""Structures of the real sets that are outlined and scored; a healthy ovary is none of them, so MMOTU counts masses only."""


@dataclass(frozen=True)
class SegmentationCase:
    """One image: union of the predicted masks against union of the true ones.

    Args:
        dataset: Set.
        phrase: What was asked for.
        key: Image inside the set.
        unit: What the bootstrap draws.
        dice: 0 when the structure was missed.
        iou: Likewise.
        found: Whether any mask came back.
        num_predicted: Instances found.
        num_true: Instances annotated.
    """

    dataset: str
    phrase: str
    key: str
    unit: str
    dice: float
    iou: float
    found: bool
    num_predicted: int
    num_true: int


@dataclass(frozen=True)
class SegmentationScore:
    """One phrase on one set.

    Args:
        dataset: Set.
        phrase: What was asked for.
        num_images: Images with the structure; all of them are in the means.
        num_missed: Images where nothing came back, each counted as 0.
        dice: Mean with its 95 % interval over patients.
        dice_sd: Standard deviation over images, n - 1.
        iou: Mean with its 95 % interval over patients.
        iou_sd: Standard deviation over images, n - 1.
        exact_count: Share of images with the annotated number of instances.
        cases: The images.
    """

    dataset: str
    phrase: str
    num_images: int
    num_missed: int
    dice: Interval
    dice_sd: float
    iou: Interval
    iou_sd: float
    exact_count: float
    cases: tuple[SegmentationCase, ...]


def evaluate_segmentation(
    model: Verbs, samples: Iterable[Sample], *, phrases: Sequence[str] = SCORED, threshold: float | None = None
) -> tuple[SegmentationScore, ...]:
    """Outline what is known to be there, and compare.

    Args:
        model: What to score.
        samples: Of any sets, mixed or one after the other.
        phrases: Canonical names to score; an image without any of them is not asked.
        threshold: As in the verb; None takes the calibrated thresholds, so a structure that is missed counts as 0.
    """
    cases: dict[tuple[str, str], list[SegmentationCase]] = {}

    def there(sample: Sample) -> list[str]:
        return [structure.name for structure in sample.structures if structure.name in phrases]

    for sample, phrase, result in interview(model, samples, there, partial(model.segment, threshold=threshold)):
        structure = sample.structure(phrase)
        assert structure is not None
        truth: Bool[np.ndarray, "h w"] = np.any(structure.masks, axis=0)
        mask = result.mask if len(result) else np.zeros_like(truth)
        case = SegmentationCase(
            sample.dataset,
            phrase,
            sample.key,
            unit_of_chance(sample),
            dice(mask, truth),
            iou(mask, truth),
            bool(mask.any()),
            len(result),
            len(structure.masks),
        )
        cases.setdefault((sample.dataset, phrase), []).append(case)
    return tuple(summarise(group) for group in cases.values())


def summarise(cases: Sequence[SegmentationCase]) -> SegmentationScore:
    """Means over the images of one set and phrase."""
    dices, ious = np.array([case.dice for case in cases]), np.array([case.iou for case in cases])
    units = [case.unit for case in cases]
    several = len(cases) > 1
    return SegmentationScore(
        cases[0].dataset,
        cases[0].phrase,
        num_images=len(cases),
        num_missed=sum(not case.found for case in cases),
        dice=bootstrap_interval(lambda rows: float(dices[rows].mean()), units),
        dice_sd=float(dices.std(ddof=1)) if several else float("nan"),
        iou=bootstrap_interval(lambda rows: float(ious[rows].mean()), units),
        iou_sd=float(ious.std(ddof=1)) if several else float("nan"),
        exact_count=float(np.mean([case.num_predicted == case.num_true for case in cases])),
        cases=tuple(cases),
    )
