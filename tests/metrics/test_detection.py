"""Average precision against a loop over ranked boxes and against torchmetrics."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchmetrics.detection import MeanAveragePrecision
from torchvision.ops import box_iou

from umind.metrics.detection import (
    COCO_THRESHOLDS,
    RunningDetection,
    average_precision,
    count_accuracy,
    detection_f1,
    detection_scores,
)
from umind.schema.result import Detection


@settings(max_examples=25)
@given(seed=st.integers(0, 2**16), threshold=st.sampled_from([0.3, 0.5, 0.75]))
def test_equals_a_loop(seed: int, threshold: float) -> None:
    predictions, truths = scene(seed, 8)
    got = average_precision(predictions, truths, [threshold])
    assert got.mean == pytest.approx(ap_by_loop(predictions, truths, threshold), abs=1e-6)
    assert got.num_truths == sum(map(len, truths))


@pytest.mark.filterwarnings("ignore")
def test_equals_torchmetrics() -> None:
    predictions, truths = scene(7, 20)
    metric = MeanAveragePrecision(backend="pycocotools")
    for prediction, boxes in zip(predictions, truths, strict=True):
        found = {"boxes": torch.from_numpy(prediction.boxes), "scores": torch.from_numpy(prediction.scores)}
        found["labels"] = torch.zeros(len(prediction), dtype=torch.int64)
        metric.update([found], [{"boxes": torch.from_numpy(boxes), "labels": torch.zeros(len(boxes), dtype=torch.int64)}])
    want, got = metric.compute(), average_precision(predictions, truths)
    assert got.thresholds == COCO_THRESHOLDS
    assert got.mean == pytest.approx(float(want["map"]), abs=1e-5)
    assert got.at_threshold[0] == pytest.approx(float(want["map_50"]), abs=1e-5)
    assert got.at_threshold[5] == pytest.approx(float(want["map_75"]), abs=1e-5)
    assert got.recall == pytest.approx(float(want["mar_100"]), abs=1e-5)


def test_perfect_blind_and_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    truths = [np.array([[10, 10, 30, 40]], np.float32), np.array([[0, 0, 5, 5], [20, 20, 50, 50]], np.float32)]
    perfect = [detection(boxes, np.linspace(0.9, 0.8, len(boxes))) for boxes in truths]
    blind = [detection(np.zeros((0, 4)), np.zeros(0))] * 2
    shifted = [detection(p.boxes + 200, p.scores) for p in perfect]
    assert average_precision(perfect, truths).mean == pytest.approx(1)
    assert average_precision(perfect, truths).recall == pytest.approx(1)
    assert average_precision(blind, truths).mean == 0
    assert average_precision(shifted, truths).mean == 0
    assert capsys.readouterr().out == ""


def test_a_sure_false_alarm_on_an_empty_image_costs() -> None:
    truths = [np.array([[10, 10, 30, 40]], np.float32), np.zeros((0, 4), np.float32)]
    found = detection(truths[0], np.array([0.6]))
    alarm = detection(np.array([[0, 0, 9, 9]]), np.array([0.9]))
    nothing = detection(np.zeros((0, 4)), np.zeros(0))
    assert average_precision([found, nothing], truths).mean == pytest.approx(1)
    assert average_precision([found, alarm], truths).mean == pytest.approx(0.5)


@settings(max_examples=25)
@given(seed=st.integers(0, 2**16), threshold=st.sampled_from([0.25, 0.5, 0.75]))
def test_f1_equals_a_loop(seed: int, threshold: float) -> None:
    predictions, truths = scene(seed, 6)
    hits = sum(sum(hits_by_loop(p, t, threshold)) for p, t in zip(predictions, truths, strict=True))
    stated, true = sum(map(len, predictions)), sum(map(len, truths))
    precision, recall = hits / max(stated, 1), hits / true
    want = 2 * precision * recall / (precision + recall) if hits else 0
    assert detection_f1(predictions, truths, threshold) == pytest.approx(want, abs=1e-6)


def test_planted_faults_change_every_score() -> None:
    truths = [np.array([[10, 10, 30, 40], [60, 60, 90, 90]], np.float32), np.array([[0, 0, 20, 20]], np.float32)]
    right = [detection(boxes, np.linspace(0.9, 0.8, len(boxes))) for boxes in truths]
    perfect = detection_scores(right, truths)
    assert (perfect.ap, perfect.ap50, perfect.ap75, perfect.ar, perfect.f1_50, perfect.f1_25) == pytest.approx((1,) * 6)
    assert (perfect.num_truths, perfect.num_found) == (3, 3)
    shifted = detection(truths[1] + 8, np.array([0.9]))  # IoU 144 / 656
    dropped = detection(truths[0][:1], np.array([0.9]))
    for faulty in ([right[0], shifted], [dropped, right[1]]):
        got = detection_scores(faulty, truths)
        assert max(got.ap, got.ap50, got.ap75, got.ar, got.f1_50, got.f1_25) < 0.85
    loose = detection_scores([right[0], detection(truths[1] + 5, np.array([0.9]))], truths)  # IoU 225 / 575
    assert loose.f1_25 == 1
    assert loose.f1_50 == pytest.approx(2 / 3)


def test_f1_without_truth() -> None:
    nothing, alarm = detection(np.zeros((0, 4)), np.zeros(0)), detection(np.array([[0, 0, 9, 9]]), np.array([0.9]))
    empty = [np.zeros((0, 4), np.float32)]
    assert math.isnan(detection_f1([nothing], empty, 0.5))
    assert detection_f1([alarm], empty, 0.5) == 0
    with pytest.raises(ValueError, match="0 predictions for 1 images"):
        detection_f1([], empty, 0.5)


def test_running_detection() -> None:
    predictions, truths = scene(3, 6)
    running = RunningDetection()
    for prediction, boxes in zip(predictions, truths, strict=True):
        running.update(prediction, boxes)
    running.update(None, truths[0])
    nothing = detection(np.zeros((0, 4)), np.zeros(0))
    want = detection_scores([*predictions, nothing], [*truths, truths[0]])
    assert {name: float(value) for name, value in running.compute().items()} == pytest.approx(vars(want), abs=1e-9)


def test_no_truth_has_no_precision() -> None:
    got = average_precision([detection(np.array([[0, 0, 9, 9]]), np.array([0.9]))], [np.zeros((0, 4), np.float32)], [0.5])
    assert math.isnan(got.mean)
    assert got.num_truths == 0
    with pytest.raises(ValueError, match="0 predictions for 1 images"):
        average_precision([], [np.zeros((0, 4), np.float32)])


def test_counts() -> None:
    assert count_accuracy([1, 2, 0, 4], [1, 3, 0, 4]) == 0.75
    assert math.isnan(count_accuracy([], []))
    with pytest.raises(ValueError, match="longer"):
        count_accuracy([1], [1, 2])


def ap_by_loop(predictions: list[Detection], truths: list[np.ndarray], threshold: float) -> float:
    """Greedy matching from the surest box down; precision interpolated at 101 recalls."""
    ranked = sorted(
        ((s, i, b) for i, p in enumerate(predictions) for s, b in zip(p.scores, p.boxes, strict=True)), key=lambda r: -r[0]
    )
    taken: set[tuple[int, int]] = set()
    hits = []
    for _, image, box in ranked:
        overlaps = box_iou(torch.from_numpy(box[None]).double(), torch.from_numpy(truths[image]).double())[0].tolist()
        free = [(overlap, j) for j, overlap in enumerate(overlaps) if overlap >= threshold and (image, j) not in taken]
        hits.append(bool(free))
        if free:
            taken.add((image, max(free)[1]))
    cumulated = np.cumsum(hits)
    recall, precision = cumulated / sum(map(len, truths)), cumulated / np.arange(1, len(hits) + 1)
    grid = np.linspace(0, 1, 101)
    return float(np.mean([precision[recall >= level].max(initial=0) for level in grid]))


def hits_by_loop(prediction: Detection, boxes: np.ndarray, threshold: float) -> list[bool]:
    overlaps = box_iou(torch.from_numpy(prediction.boxes).double(), torch.from_numpy(boxes).double()).tolist()
    taken: set[int] = set()
    hits = []
    for row in overlaps:
        free = [(overlap, j) for j, overlap in enumerate(row) if overlap >= threshold and j not in taken]
        hits.append(bool(free))
        taken |= {max(free)[1]} if free else set()
    return hits


def scene(seed: int, num_images: int) -> tuple[list[Detection], list[np.ndarray]]:
    draw = np.random.default_rng(seed)
    predictions, truths = [], []
    for image in range(num_images):
        corner = draw.uniform(0, 200, (draw.integers(0 if image else 1, 4), 2))
        size = draw.uniform(40, 80, 2)  # the noise turns none of these inside out
        boxes = np.concatenate([corner, corner + size], 1)
        kept = boxes[draw.random(len(boxes)) < 0.8]
        near = kept + draw.normal(0, 3, kept.shape)
        stray = draw.uniform(0, 100, (draw.integers(0, 3), 2))
        found = np.concatenate([near, np.concatenate([stray, stray + 20], 1)])
        predictions.append(detection(found, np.sort(draw.random(len(found)))[::-1].copy()))
        truths.append(boxes.astype(np.float32))
    return predictions, truths


def detection(boxes: np.ndarray, scores: np.ndarray) -> Detection:
    return Detection(boxes.astype(np.float32), scores=scores.astype(np.float32), presence=1.0, phrase="lesion")
