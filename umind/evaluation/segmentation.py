"""Masks: overlap and outlines on images where the structure is, silence on images where it is not; set by set."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from jaxtyping import Bool

from umind.evaluation.interview import interview, unit_of_chance
from umind.evaluation.presence import phrases_asked
from umind.evaluation.rows import grouped, mean_interval
from umind.evaluation.truth import is_outlined, masks_of
from umind.evaluation.verbs import Verbs
from umind.geometry.spacing import Spacing
from umind.metrics.bootstrap import Interval
from umind.metrics.overlap import dice, hd95, iou, nsd
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
TOLERANCE = 2.0
"""How far an outline may be off for the normalised surface distance: millimetres, or pixels where there is no spacing."""


@dataclass(frozen=True)
class OutlineGap:
    """Distance of two outlines, in one unit.

    Args:
        hd95: The larger of the directed 95th percentiles; the image's diagonal for a miss.
        nsd: Share of both outlines within `TOLERANCE` of the other; 0 for a miss.
    """

    hd95: float
    nsd: float


@dataclass(frozen=True)
class SegmentationCase:
    """One image with the structure: union of the predicted masks against union of the true ones.

    Args:
        dataset: Set.
        phrase: What was asked for.
        key: Image inside the set.
        unit: What the bootstrap draws.
        dice: 0 when the structure was missed.
        iou: Likewise.
        pixels: Outlines in pixels.
        millimetres: Outlines in millimetres; None without spacing.
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
    pixels: OutlineGap
    millimetres: OutlineGap | None
    found: bool
    num_predicted: int
    num_true: int


@dataclass(frozen=True)
class EmptyCase:
    """One image that is known to lack the structure.

    Args:
        dataset: Set.
        phrase: What was asked for.
        key: Image inside the set.
        unit: What the bootstrap draws.
        found: Whether any mask came back.
    """

    dataset: str
    phrase: str
    key: str
    unit: str
    found: bool


@dataclass(frozen=True)
class EmptyScore:
    """Images without the structure.

    Args:
        num_images: How many were asked.
        specificity: Share of them on which nothing was outlined, with its 95 % interval over patients.
        cases: The images.
    """

    num_images: int
    specificity: Interval
    cases: tuple[EmptyCase, ...]


@dataclass(frozen=True)
class SegmentationScore:
    """One phrase on one set, or over all of them.

    Args:
        dataset: Set, or `umind.evaluation.rows.ALL`.
        phrase: What was asked for.
        num_images: Images with the structure; all of them are in the means.
        num_missed: Images where nothing came back, each counted as 0, and as the diagonal in HD95.
        dice: Mean with its 95 % interval over patients.
        dice_sd: Standard deviation over images, n - 1.
        iou: Mean with its 95 % interval over patients.
        iou_sd: Standard deviation over images, n - 1.
        hd95: Mean with its 95 % interval over patients.
        nsd: Mean with its 95 % interval over patients.
        length_unit: Of HD95 and of the NSD's tolerance: millimetres where every image has spacing.
        tolerance: Of the NSD.
        exact_count: Share of images with the annotated number of instances.
        empty: Images without the structure; None when no such image was asked.
        cases: The images with the structure.
    """

    dataset: str
    phrase: str
    num_images: int
    num_missed: int
    dice: Interval
    dice_sd: float
    iou: Interval
    iou_sd: float
    hd95: Interval
    nsd: Interval
    length_unit: Literal["mm", "px"]
    tolerance: float
    exact_count: float
    empty: EmptyScore | None
    cases: tuple[SegmentationCase, ...]


def evaluate_segmentation(
    model: Verbs, samples: Iterable[Sample], *, phrases: Sequence[str] = SCORED, threshold: float | None = None
) -> tuple[SegmentationScore, ...]:
    """Outline what is known to be there, and compare; ask for some of what is known to be absent.

    Args:
        model: What to score.
        samples: Of any sets, mixed or one after the other.
        phrases: Canonical names to score. The absent ones asked of an image are those of
            `umind.evaluation.presence.phrases_asked`.
        threshold: As in the verb; None takes the calibrated thresholds, so a structure that is missed counts as 0.
    """
    cases: list[SegmentationCase] = []
    empties: list[EmptyCase] = []

    def asked(sample: Sample) -> list[str]:
        known = (name for name in phrases_asked(sample) if name in phrases)
        return [name for name in known if is_outlined(sample, name) or name in sample.absent]

    for sample, phrase, result in interview(model, samples, asked, partial(model.segment, threshold=threshold)):
        where = (sample.dataset, phrase, sample.key, unit_of_chance(sample))
        masks = masks_of(sample, phrase)
        if not len(masks):
            empties.append(EmptyCase(*where, found=len(result) > 0 and bool(result.mask.any())))
            continue
        truth: Bool[np.ndarray, "h w"] = np.any(masks, axis=0)
        mask = result.mask if len(result) else np.zeros_like(truth)
        spacing = sample.image.spacing
        case = SegmentationCase(
            *where,
            dice(mask, truth),
            iou(mask, truth),
            pixels=outline_gap(mask, truth),
            millimetres=outline_gap(mask, truth, spacing) if spacing else None,
            found=bool(mask.any()),
            num_predicted=len(result),
            num_true=len(masks),
        )
        cases.append(case)
    return tuple(summarise(dataset, there, absent) for dataset, _, there, absent in grouped(cases, empties))


def outline_gap(
    predicted: Bool[np.ndarray, "h w"], truth: Bool[np.ndarray, "h w"], spacing: Spacing | None = None
) -> OutlineGap:
    """Distance of the outlines of two masks, in millimetres, or in pixels without spacing."""
    return OutlineGap(hd95(predicted, truth, spacing), nsd(predicted, truth, TOLERANCE, spacing))


def summarise(dataset: str, cases: Sequence[SegmentationCase], empties: Sequence[EmptyCase]) -> SegmentationScore:
    """Means over the images of one row."""
    dices, ious, units = [case.dice for case in cases], [case.iou for case in cases], [case.unit for case in cases]
    lengths = [case.millimetres for case in cases if case.millimetres]
    calibrated = len(lengths) == len(cases)
    gaps = lengths if calibrated else [case.pixels for case in cases]
    silent = mean_interval([not case.found for case in empties], [case.unit for case in empties]) if empties else None
    return SegmentationScore(
        dataset,
        cases[0].phrase,
        num_images=len(cases),
        num_missed=sum(not case.found for case in cases),
        dice=mean_interval(dices, units),
        dice_sd=deviation(dices),
        iou=mean_interval(ious, units),
        iou_sd=deviation(ious),
        hd95=mean_interval([gap.hd95 for gap in gaps], units),
        nsd=mean_interval([gap.nsd for gap in gaps], units),
        length_unit="mm" if calibrated else "px",
        tolerance=TOLERANCE,
        exact_count=float(np.mean([case.num_predicted == case.num_true for case in cases])),
        empty=EmptyScore(len(empties), silent, tuple(empties)) if silent else None,
        cases=tuple(cases),
    )


def deviation(values: Sequence[float]) -> float:
    """Standard deviation, n - 1; NaN of a single value."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")
