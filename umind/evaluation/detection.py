"""Boxes of a phrase, set by set: average precision over every candidate, F1 over the boxes that the model stands by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from umind.evaluation.interview import interview, unit_of_chance
from umind.evaluation.presence import phrases_asked
from umind.evaluation.rows import grouped
from umind.evaluation.segmentation import SCORED
from umind.evaluation.truth import boxes_of
from umind.evaluation.verbs import Verbs
from umind.geometry.boxes import box_iou_xyxy
from umind.metrics.bootstrap import Interval, bootstrap_interval
from umind.metrics.detection import COCO_THRESHOLDS, average_precision, detection_f1
from umind.schema.result import Detection
from umind.schema.sample import Sample

RECALLS = np.linspace(0, 1, 101)
MOST_BOXES = 100


@dataclass(frozen=True, eq=False)
class DetectionCase:
    """One image.

    Args:
        dataset: Set.
        phrase: What was asked for.
        key: Image inside the set.
        unit: What the bootstrap draws.
        truths: Boxes xyxy of all instances, ``(M, 4)``; none where the phrase is known to be absent.
        candidates: Everything that ``detect`` has, for the average precision.
        given: What it gives at the calibrated thresholds, for the F1.
    """

    dataset: str
    phrase: str
    key: str
    unit: str
    truths: Float[np.ndarray, "m 4"]
    candidates: Detection
    given: Detection


@dataclass(frozen=True)
class DetectionScore:
    """One phrase on one set, or over all of them.

    Args:
        dataset: Set, or `umind.evaluation.rows.ALL`.
        phrase: What was asked for.
        num_images: Images with the phrase.
        num_instances: Boxes in them.
        num_without: Images without it, where every box is a false alarm.
        num_missed: Images with it for which no box was given.
        ap: COCO average precision, IoU 0.50 to 0.95, with its 95 % interval over patients.
        ap50: At an IoU of 0.50.
        ap75: At an IoU of 0.75.
        ar: Average recall of all candidates, IoU 0.50 to 0.95.
        f1_50: F1 of the boxes given at an IoU of 0.50, with its 95 % interval over patients.
        f1_25: F1 at an IoU of 0.25, with its 95 % interval over patients.
        cases: The images.
    """

    dataset: str
    phrase: str
    num_images: int
    num_instances: int
    num_without: int
    num_missed: int
    ap: Interval
    ap50: float
    ap75: float
    ar: float
    f1_50: Interval
    f1_25: Interval
    cases: tuple[DetectionCase, ...]


def evaluate_detection(
    model: Verbs, samples: Iterable[Sample], *, phrases: Sequence[str] = SCORED
) -> tuple[DetectionScore, ...]:
    """Detect what is known to be there, and some of what is known to be absent.

    Args:
        model: What to score.
        samples: Of any sets.
        phrases: Canonical names to score. The absent ones asked of an image are those of
            `umind.evaluation.presence.phrases_asked`.
    """

    def asked(sample: Sample) -> list[str]:
        known = (name for name in phrases_asked(sample) if name in phrases)
        return [name for name in known if len(boxes_of(sample, name)) or name in sample.absent]

    def both(images: list[Any], words: list[str]) -> list[tuple[Detection, Detection]]:
        return list(zip(model.detect(images, words, threshold=0), model.detect(images, words), strict=True))

    cases = [
        DetectionCase(
            sample.dataset, phrase, sample.key, unit_of_chance(sample), boxes_of(sample, phrase), candidates=every, given=given
        )
        for sample, phrase, (every, given) in interview(model, samples, asked, both)
    ]
    rows = grouped([case for case in cases if len(case.truths)], [case for case in cases if not len(case.truths)])
    return tuple(summarise(dataset, there, absent) for dataset, _, there, absent in rows)


def summarise(dataset: str, there: Sequence[DetectionCase], absent: Sequence[DetectionCase]) -> DetectionScore:
    """Scores over the images of one row."""
    cases = (*there, *absent)
    truths = [case.truths for case in cases]
    precision = average_precision([case.candidates for case in cases], truths)
    return DetectionScore(
        dataset,
        there[0].phrase,
        num_images=len(there),
        num_instances=sum(map(len, truths)),
        num_without=len(absent),
        num_missed=sum(not len(case.given) for case in there),
        ap=precision_interval(cases),
        ap50=precision.at_threshold[COCO_THRESHOLDS.index(0.5)],
        ap75=precision.at_threshold[COCO_THRESHOLDS.index(0.75)],
        ar=precision.recall,
        f1_50=f1_interval(cases, 0.5),
        f1_25=f1_interval(cases, 0.25),
        cases=cases,
    )


def f1_interval(cases: Sequence[DetectionCase], iou_threshold: float) -> Interval:
    """`umind.metrics.detection.detection_f1` with its interval; boxes are matched once, image by image."""
    sizes = np.array([len(case.given) + len(case.truths) for case in cases])
    shares = [detection_f1([case.given], [case.truths], iou_threshold) for case in cases]
    hits = np.nan_to_num(np.array(shares)) * sizes  # twice the hits of each image

    def f1(rows: Int[np.ndarray, "m"]) -> float:
        total = sizes[rows].sum()
        return float(hits[rows].sum() / total) if total else float("nan")

    return bootstrap_interval(f1, [case.unit for case in cases])


def precision_interval(cases: Sequence[DetectionCase]) -> Interval:
    """COCO's average precision with its interval; boxes are matched once, image by image, and ranked anew in every resample."""
    ranked = [ranked_hits(case.candidates, case.truths) for case in cases]
    num_truths = np.array([len(case.truths) for case in cases])

    def precision(rows: Int[np.ndarray, "m"]) -> float:
        scores, hits = (np.concatenate(parts, axis=-1) for parts in zip(*(ranked[row] for row in rows), strict=True))
        return interpolated_precision(scores, hits, int(num_truths[rows].sum()))

    return bootstrap_interval(precision, [case.unit for case in cases])


def ranked_hits(found: Detection, truths: Float[np.ndarray, "m 4"]) -> tuple[Float[np.ndarray, "n"], Bool[np.ndarray, "t n"]]:
    """Scores of an image's boxes, falling, and whether each is a hit at each of COCO's thresholds.

    Matched as pycocotools does: from the surest down, each box to the true one left with the highest IoU.
    """
    order = np.argsort(-found.scores, kind="stable")[:MOST_BOXES]
    overlaps = box_iou_xyxy(found.boxes[order].astype(np.float64), truths.astype(np.float64))  # (N, M)
    hits = np.zeros((len(COCO_THRESHOLDS), len(order)), bool)
    if len(truths):
        for row, threshold in zip(hits, COCO_THRESHOLDS, strict=True):
            free = overlaps.copy()
            for place, candidates in enumerate(free):
                best = int(candidates.argmax())
                if candidates[best] >= threshold:
                    row[place], free[:, best] = True, -1
    return found.scores[order], hits


def interpolated_precision(scores: Float[np.ndarray, "n"], hits: Bool[np.ndarray, "t n"], num_truths: int) -> float:
    """Area under the interpolated precision-recall curve at 101 recalls, mean over the thresholds; NaN without a true box."""
    if not num_truths:
        return float("nan")
    found = np.cumsum(hits[:, np.argsort(-scores, kind="stable")], axis=1)  # (T, N)
    precisions = found / np.arange(1, len(scores) + 1)
    best = np.pad(np.maximum.accumulate(precisions[:, ::-1], axis=1)[:, ::-1], ((0, 0), (0, 1)))
    places = [np.searchsorted(row, RECALLS) for row in found / num_truths]
    return float(np.mean([row[place] for row, place in zip(best, places, strict=True)]))
