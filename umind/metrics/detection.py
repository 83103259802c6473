"""Boxes against boxes over a data set, as COCO counts."""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from jaxtyping import Float
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from umind.metrics.cases import RunningCases, Scores, as_scores
from umind.schema.result import Detection

COCO_THRESHOLDS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))


@dataclass(frozen=True)
class AveragePrecision:
    """Area under the interpolated precision-recall curve.

    Args:
        mean: Mean over the thresholds; NaN when there is no true box at all.
        at_threshold: AP at each IoU threshold, in the order of ``thresholds``.
        thresholds: The IoU thresholds.
        recall: Highest recall, mean over the thresholds.
        num_truths: How many true boxes there were.
    """

    mean: float
    at_threshold: tuple[float, ...]
    thresholds: tuple[float, ...]
    recall: float
    num_truths: int


@dataclass(frozen=True)
class DetectionScores:
    """Boxes of one class over a data set; all NaN when there is no true box, but for an F1 of 0 after a false alarm.

    Args:
        ap: COCO average precision, IoU 0.50 to 0.95.
        ap50: At an IoU of 0.50.
        ap75: At an IoU of 0.75.
        ar: Average recall, IoU 0.50 to 0.95, at most 100 boxes an image.
        f1_50: F1 of the boxes as given, at an IoU of 0.50.
        f1_25: F1 at an IoU of 0.25, for structures whose border nobody agrees on.
        num_truths: True boxes.
        num_found: Boxes given.
    """

    ap: float
    ap50: float
    ap75: float
    ar: float
    f1_50: float
    f1_25: float
    num_truths: int
    num_found: int


def average_precision(
    predictions: Sequence[Detection],
    truths: Sequence[Float[np.ndarray, "_ 4"]],
    iou_thresholds: Sequence[float] = COCO_THRESHOLDS,
) -> AveragePrecision:
    """COCO average precision of one class (Lin et al. 2014), 101 recall points, at most 100 boxes an image, by pycocotools.

    Boxes on images without a truth are false alarms like all others.

    Args:
        predictions: One result for each image.
        truths: True boxes of each image, xyxy in source pixels, ``(m, 4)``; ``(0, 4)`` where there are none.
        iou_thresholds: IoU from which a box counts as found; COCO's 0.50, 0.55 ... 0.95 when not given.

    Raises:
        ValueError: The two sequences differ in length.
    """
    _check_lengths(predictions, truths)
    thresholds = tuple(float(threshold) for threshold in iou_thresholds)
    num_truths = sum(len(boxes) for boxes in truths)
    if not num_truths:
        return AveragePrecision(math.nan, (math.nan,) * len(thresholds), thresholds, math.nan, 0)
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints its progress
        evaluator = _evaluate(predictions, truths, thresholds)
        evaluator.accumulate()
    precision = evaluator.eval["precision"][:, :, 0, 0, 0].mean(1)  # (T,)
    recall = evaluator.eval["recall"][:, 0, 0, 0].mean()
    return AveragePrecision(float(precision.mean()), tuple(precision.tolist()), thresholds, float(recall), num_truths)


def detection_f1(predictions: Sequence[Detection], truths: Sequence[Float[np.ndarray, "_ 4"]], iou_threshold: float) -> float:
    """Harmonic mean of precision and recall over all images, ``2 hits / (boxes given + true boxes)``.

    Every box given is a claim: the model's own threshold has been applied. Boxes are matched as pycocotools does: from the
    surest down, each to the true box left with the highest IoU.

    Args:
        predictions: One result for each image.
        truths: True boxes of each image, xyxy in source pixels, ``(m, 4)``.
        iou_threshold: IoU from which a box counts as found.

    Returns:
        In 0..1; NaN when nothing was given and nothing is there.

    Raises:
        ValueError: The two sequences differ in length.
    """
    _check_lengths(predictions, truths)
    num_boxes = sum(map(len, predictions)) + sum(map(len, truths))
    with contextlib.redirect_stdout(io.StringIO()):
        evaluator = _evaluate(predictions, truths, (iou_threshold,))
    hits = sum(int((image["dtMatches"] > 0).sum()) for image in evaluator.evalImgs if image)
    return 2 * hits / num_boxes if num_boxes else math.nan


def detection_scores(predictions: Sequence[Detection], truths: Sequence[Float[np.ndarray, "_ 4"]]) -> DetectionScores:
    """Everything that is told of boxes.

    Args:
        predictions: One result for each image.
        truths: True boxes of each image, xyxy in source pixels, ``(m, 4)``.

    Raises:
        ValueError: The two sequences differ in length.
    """
    precision = average_precision(predictions, truths)
    return DetectionScores(
        ap=precision.mean,
        ap50=precision.at_threshold[COCO_THRESHOLDS.index(0.5)],
        ap75=precision.at_threshold[COCO_THRESHOLDS.index(0.75)],
        ar=precision.recall,
        f1_50=detection_f1(predictions, truths, 0.5),
        f1_25=detection_f1(predictions, truths, 0.25),
        num_truths=precision.num_truths,
        num_found=sum(map(len, predictions)),
    )


def count_accuracy(predicted: Sequence[int], truth: Sequence[int]) -> float:
    """Share of images whose number of instances is exactly right; NaN for no images.

    Raises:
        ValueError: The two sequences differ in length.
    """
    pairs = list(zip(predicted, truth, strict=True))
    return sum(p == t for p, t in pairs) / len(pairs) if pairs else float("nan")


class RunningDetection(RunningCases):
    """`detection_scores` over images as they come; ``compute`` returns its fields."""

    higher_is_better = True

    def __init__(self) -> None:
        super().__init__(found=5, num_found=1, truths=4, num_truths=1)

    def update(self, prediction: Detection | None, truth: Float[np.ndarray, "m 4"]) -> None:
        """Add one image; None is no box. Truth is xyxy in source pixels, ``(0, 4)`` where there is nothing."""
        found = np.zeros((0, 5)) if prediction is None else np.column_stack([prediction.boxes, prediction.scores])
        for name, rows in (("found", found), ("truths", truth)):
            self.keep(name, rows)
            self.keep(f"num_{name}", [[len(rows)]])

    def compute(self) -> Scores:
        """Scores so far."""
        found, truths = self.kept_groups("found", "num_found"), self.kept_groups("truths", "num_truths")
        predictions = [Detection(rows[:, :4], scores=rows[:, 4], presence=1.0, phrase="") for rows in found]
        return as_scores(asdict(detection_scores(predictions, truths)))


def _check_lengths(predictions: Sequence[Detection], truths: Sequence[Float[np.ndarray, "_ 4"]]) -> None:
    if len(predictions) != len(truths):
        raise ValueError(f"{len(predictions)} predictions for {len(truths)} images")


def _evaluate(
    predictions: Sequence[Detection], truths: Sequence[Float[np.ndarray, "_ 4"]], thresholds: Sequence[float]
) -> COCOeval:
    """Boxes matched at each threshold, all sizes together, at most 100 an image."""
    true = _coco(truths, [np.ones(len(boxes)) for boxes in truths])
    found = _coco([p.boxes for p in predictions], [p.scores for p in predictions])
    evaluator = COCOeval(true, found, "bbox")
    evaluator.params.iouThrs = np.array(thresholds)
    evaluator.params.areaRng, evaluator.params.areaRngLbl = [[0, 1e10]], ["all"]
    evaluator.params.maxDets = [100]
    evaluator.evaluate()
    return evaluator


def _coco(boxes: Sequence[Float[np.ndarray, "_ 4"]], scores: Sequence[Float[np.ndarray, "_"]]) -> COCO:
    """A COCO data set of one class in memory; ids start at 1 because pycocotools takes 0 for "unmatched"."""
    annotations: list[dict[str, object]] = []
    for image, (group, confidences) in enumerate(zip(boxes, scores, strict=True), 1):
        for (x1, y1, x2, y2), score in zip(group.tolist(), confidences.tolist(), strict=True):
            box = [x1, y1, x2 - x1, y2 - y1]
            row: dict[str, object] = {"id": len(annotations) + 1, "image_id": image, "category_id": 1, "bbox": box}
            annotations.append(row | {"score": score, "area": box[2] * box[3], "iscrowd": 0})
    coco = COCO()
    coco.dataset = {
        "images": [{"id": image} for image in range(1, len(boxes) + 1)],
        "categories": [{"id": 1}],
        "annotations": annotations,
    }
    coco.createIndex()
    return coco
