"""Detection suite: the truth scores perfectly, each planted fault costs what it should, and intervals hold the metric."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from evaluation_oracle import Oracle, shown

from umind.evaluation.detection import DetectionCase, evaluate_detection, f1_interval, precision_interval
from umind.evaluation.truth import masks_of
from umind.metrics.detection import average_precision, detection_f1
from umind.schema.result import Detection
from umind.schema.sample import Structure

LESIONS = [shown(f"lesion {k}", [(10, 10, 40, 30)], patient=f"p{k // 2}") for k in range(12)]
NORMAL = [shown(f"normal {k}", absent=("breast lesion", "fetal head")) for k in range(4)]
IMAGES = [*LESIONS, *NORMAL]


def invented(sample, phrase):
    """A lesion in every image."""
    return masks_of(sample if sample.structures else LESIONS[0], phrase)


def test_truth_is_perfect() -> None:
    (score,) = evaluate_detection(Oracle(IMAGES), IMAGES)
    assert (score.dataset, score.phrase) == ("made", "breast lesion")
    assert (score.num_images, score.num_instances, score.num_without, score.num_missed) == (12, 12, 4, 0)
    assert (score.ap.value, score.ap50, score.ap75, score.ar) == pytest.approx((1, 1, 1, 1))
    assert (score.f1_50.value, score.f1_25.value) == (1, 1)
    assert score.ap.num_groups == 6 + 4


def test_a_shifted_box_is_no_hit() -> None:
    shifted = Oracle(IMAGES, masks=lambda sample, phrase: np.roll(masks_of(sample, phrase), 15, 2))
    (score,) = evaluate_detection(shifted, IMAGES)  # IoU one third
    assert (score.ap.value, score.ap50, score.ar, score.f1_50.value) == (0, 0, 0, 0)
    assert score.f1_25.value == 1
    slightly = Oracle(IMAGES, masks=lambda sample, phrase: np.roll(masks_of(sample, phrase), 5, 2))
    (score,) = evaluate_detection(slightly, IMAGES)  # IoU 25 / 35, a hit at 0.50 to 0.70
    assert (score.ap.value, score.ap50, score.ap75, score.ar) == pytest.approx((0.5, 1, 0, 0.5))


def test_a_missed_structure_costs_f1_and_keeps_its_candidate() -> None:
    there = lambda sample, phrase: 0.4 if sample.key in ("lesion 0", "lesion 1", "lesion 2") else 0.9  # noqa: E731
    (score,) = evaluate_detection(Oracle(LESIONS, there=there), LESIONS)
    assert score.num_missed == 3
    assert score.f1_50.value == pytest.approx(2 * 9 / (9 + 12))
    assert score.f1_50.lower < score.f1_50.value < score.f1_50.upper
    assert score.ap.value == pytest.approx(1)
    blind = Oracle(LESIONS, masks=lambda sample, phrase: masks_of(sample, phrase)[: sample.key != "lesion 0"])
    (score,) = evaluate_detection(blind, LESIONS)
    assert score.ar == pytest.approx(11 / 12)
    assert score.ap.value < 1


def test_two_boxes_for_one() -> None:
    doubled = Oracle(LESIONS, masks=lambda sample, phrase: masks_of(sample, phrase).repeat(2, 0))
    (score,) = evaluate_detection(doubled, LESIONS)
    assert score.f1_50.value == pytest.approx(2 * 12 / (24 + 12))
    assert score.ap.value < 1
    assert score.ar == pytest.approx(1)


def test_a_sure_box_where_nothing_is() -> None:
    there = lambda sample, phrase: 0.9 if sample.structures else 0.95  # noqa: E731
    (score,) = evaluate_detection(Oracle(IMAGES, there=there, masks=invented), IMAGES)
    assert score.f1_50.value == pytest.approx(2 * 12 / (16 + 12))
    assert score.ap.value == pytest.approx(12 / 16)
    unsure = lambda sample, phrase: 0.9 if sample.structures else 0.3  # noqa: E731
    (score,) = evaluate_detection(Oracle(IMAGES, there=unsure, masks=invented), IMAGES)
    assert (score.f1_50.value, score.ap.value) == pytest.approx((1, 1))


def test_a_dropped_case_is_refused() -> None:
    with pytest.raises(ValueError, match="dropped"):
        evaluate_detection(Oracle(LESIONS, drop=True), LESIONS)


def test_boxes_count_without_an_outline() -> None:
    boxed = Structure("breast lesion", masks=np.zeros((0, 64, 80), bool), boxes=np.array([[10, 10, 40, 30]], np.float32))
    samples = [replace(LESIONS[0], structures=(boxed,))]
    oracle = Oracle(samples, masks=lambda sample, phrase: masks_of(LESIONS[0], phrase), there=lambda sample, phrase: 0.9)
    (score,) = evaluate_detection(oracle, samples)
    assert (score.num_instances, score.f1_50.value) == (1, 1)


def test_each_phrase_over_all_sets() -> None:
    other = shown("other", [(5, 5, 60, 50)], name="fetal head", absent=("breast lesion",), dataset="heads", organ="fetal head")
    images = [*LESIONS, other]
    scores = evaluate_detection(Oracle(images), images)
    assert [(s.dataset, s.phrase, s.num_images, s.num_without) for s in scores] == [
        ("made", "breast lesion", 12, 0),
        ("heads", "fetal head", 1, 0),
        ("all sets", "breast lesion", 12, 1),
        ("all sets", "fetal head", 1, 12),
    ]


@pytest.mark.parametrize("seed", range(5))
def test_intervals_are_of_the_metrics(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cases = []
    for key in range(8):
        truths = corners(rng, int(rng.integers(0, 4)))
        jittered = truths + rng.normal(0, 2, truths.shape)
        boxes = np.concatenate([jittered, jittered + rng.normal(0, 1, truths.shape), corners(rng, 2)]).astype(np.float32)
        found = Detection(boxes, scores=rng.random(len(boxes)).astype(np.float32), presence=1.0, phrase="cyst")
        cases.append(DetectionCase("made", "cyst", str(key), str(key), truths, candidates=found, given=found))
    truths, found = [case.truths for case in cases], [case.candidates for case in cases]
    precision = precision_interval(cases)
    assert precision.value == pytest.approx(average_precision(found, truths).mean, abs=1e-9)
    assert precision.lower < precision.value < precision.upper
    for threshold in (0.25, 0.5):
        assert f1_interval(cases, threshold).value == pytest.approx(detection_f1(found, truths, threshold))


def corners(rng: np.random.Generator, num: int) -> np.ndarray:
    """Boxes xyxy."""
    start = rng.uniform(0, 40, (num, 2))
    return np.concatenate([start, start + rng.uniform(8, 24, (num, 2))], axis=1).astype(np.float32)
