"""Boxes against boxes over a data set, as COCO counts."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

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
    if len(predictions) != len(truths):
        raise ValueError(f"{len(predictions)} predictions for {len(truths)} images")
    thresholds = tuple(float(threshold) for threshold in iou_thresholds)
    num_truths = sum(len(boxes) for boxes in truths)
    if not num_truths:
        nothing = (float("nan"),) * len(thresholds)
        return AveragePrecision(float("nan"), nothing, thresholds, float("nan"), 0)
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints its progress
        true = _coco(truths, [np.ones(len(boxes)) for boxes in truths])
        found = _coco([p.boxes for p in predictions], [p.scores for p in predictions])
        evaluator = COCOeval(true, found, "bbox")
        evaluator.params.iouThrs = np.array(thresholds)
        evaluator.params.areaRng, evaluator.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluator.params.maxDets = [100]
        evaluator.evaluate()
        evaluator.accumulate()
    precision = evaluator.eval["precision"][:, :, 0, 0, 0].mean(1)  # (T,)
    recall = evaluator.eval["recall"][:, 0, 0, 0].mean()
    return AveragePrecision(float(precision.mean()), tuple(precision.tolist()), thresholds, float(recall), num_truths)


def count_accuracy(predicted: Sequence[int], truth: Sequence[int]) -> float:
    """Share of images whose number of instances is exactly right; NaN for no images.

    Raises:
        ValueError: The two sequences differ in length.
    """
    pairs = list(zip(predicted, truth, strict=True))
    return sum(p == t for p, t in pairs) / len(pairs) if pairs else float("nan")


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
