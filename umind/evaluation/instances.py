"""One by one: boxes, masks and number of the instances of a phrase."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from scipy.optimize import linear_sum_assignment

from umind.evaluation.interview import interview
from umind.evaluation.truth import masks_of
from umind.evaluation.verbs import Verbs
from umind.geometry.boxes import boxes_of_masks
from umind.metrics.detection import average_precision, count_accuracy
from umind.schema.result import Detection, Segmentation
from umind.schema.sample import Sample


@dataclass(frozen=True)
class InstanceCase:
    """One phrase on one image, at the calibrated thresholds.

    Args:
        key: Image.
        num_true: Instances that are there.
        num_boxes: Boxes of ``detect``.
        num_masks: Masks of ``segment``.
        dices: Dice of each true instance with the mask assigned to it, 0 without one.
    """

    key: str
    num_true: int
    num_boxes: int
    num_masks: int
    dices: tuple[float, ...]


@dataclass(frozen=True)
class InstanceScore:
    """Instances of one phrase.

    Args:
        phrase: What was asked for.
        num_images: Images with at least one instance.
        num_instances: Instances in them.
        num_without: Images without any.
        ap50: COCO average precision of ``detect``'s boxes at IoU 0.5 over all images, everything kept.
        mask_ap50: The same of the boxes around ``segment``'s masks.
        exact_count: Share of images with an instance where ``detect`` gives exactly their number.
        too_few: Share of them where it gives fewer.
        missed: Share of them where it gives none.
        too_many: Share of them where it gives more.
        mask_dice: Mean Dice over all true instances, one mask to one instance (Hungarian), 0 without a mask.
        false_alarms: Share of the images without an instance where ``detect`` gives one.
        cases: The images.
    """

    phrase: str
    num_images: int
    num_instances: int
    num_without: int
    ap50: float
    mask_ap50: float
    exact_count: float
    too_few: float
    missed: float
    too_many: float
    mask_dice: float
    false_alarms: float
    cases: tuple[InstanceCase, ...]


def evaluate_instances(model: Verbs, samples: Iterable[Sample], phrase: str) -> InstanceScore:
    """Detect and segment a phrase in every sample, there or not.

    Args:
        model: What to score.
        samples: Each of them is asked.
        phrase: Canonical name, or "lesion" for all focal structures.
    """
    truths: list[Float[np.ndarray, "_ 4"]] = []
    boxes: list[Detection] = []
    outlines: list[Detection] = []
    cases: list[InstanceCase] = []

    def both(images: list[Any], phrases: Any) -> list[tuple[Detection, Detection, Segmentation, Segmentation]]:
        boxed = (model.detect(images, phrases, threshold=0), model.detect(images, phrases))
        outlined = (model.segment(images, phrases, threshold=0), model.segment(images, phrases))
        return list(zip(*boxed, *outlined, strict=True))

    for sample, _, results in interview(model, samples, lambda _: [phrase], both):
        every_box, kept_boxes, every_mask, kept_masks = results
        masks = masks_of(sample, phrase)
        truths.append(boxes_of_masks(masks))
        boxes.append(every_box)
        outlines.append(Detection(every_mask.boxes, scores=every_mask.scores, presence=every_mask.presence, phrase=phrase))
        dices = assigned_dices(kept_masks.masks, masks)
        cases.append(InstanceCase(sample.key, len(masks), len(kept_boxes), len(kept_masks), dices))
    there = [case for case in cases if case.num_true]
    return InstanceScore(
        phrase,
        num_images=len(there),
        num_instances=sum(case.num_true for case in there),
        num_without=len(cases) - len(there),
        ap50=average_precision(boxes, truths, (0.5,)).mean,
        mask_ap50=average_precision(outlines, truths, (0.5,)).mean,
        exact_count=count_accuracy([case.num_boxes for case in there], [case.num_true for case in there]),
        too_few=share(case.num_boxes < case.num_true for case in there),
        missed=share(case.num_boxes == 0 for case in there),
        too_many=share(case.num_boxes > case.num_true for case in there),
        mask_dice=share(value for case in there for value in case.dices),
        false_alarms=share(case.num_boxes > 0 for case in cases if not case.num_true),
        cases=tuple(cases),
    )


def share(values: Iterable[float]) -> float:
    """Mean; NaN of nothing."""
    listed = list(values)
    return float(np.mean(listed)) if listed else math.nan


def assigned_dices(predicted: Bool[np.ndarray, "p h w"], truth: Bool[np.ndarray, "n h w"]) -> tuple[float, ...]:
    """Dice of each true mask with the predicted one that the best assignment of the two sets gives it; 0 without one."""
    if not len(predicted) or not len(truth):
        return (0.0,) * len(truth)
    flat, true = predicted.reshape(len(predicted), -1), truth.reshape(len(truth), -1)
    sums = true.sum(1)[:, None] + flat.sum(1)[None]
    dices = 2 * (true.astype(np.float32) @ flat.astype(np.float32).T) / np.maximum(sums, 1)  # (N, P)
    best = np.zeros(len(truth))
    rows, columns = linear_sum_assignment(-dices)
    best[rows] = dices[rows, columns]
    return tuple(best.tolist())
