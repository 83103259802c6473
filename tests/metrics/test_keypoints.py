"""Landmark errors against loops, OKS and its AP against pycocotools."""

import contextlib
import io
import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from umind.geometry.spacing import Spacing
from umind.metrics.keypoints import (
    RunningKeypoints,
    has_clear_axes,
    keypoint_average_precision,
    keypoint_scores,
    keypoint_similarity,
    radial_errors,
)
from umind.schema.result import Keypoints

spacings = st.one_of(st.none(), st.builds(Spacing, st.floats(0.1, 3.0), st.floats(0.1, 3.0)))


@given(num=st.integers(1, 6), seed=st.integers(0, 2**16), spacing=spacings)
def test_errors_equal_a_loop(num: int, seed: int, spacing: Spacing | None) -> None:
    draw = np.random.default_rng(seed)
    predicted, truth = draw.uniform(0, 100, (2, num, 2))
    dy, dx = (spacing.dy, spacing.dx) if spacing else (1.0, 1.0)
    want = [math.hypot((p[0] - t[0]) * dx, (p[1] - t[1]) * dy) for p, t in zip(predicted, truth, strict=True)]
    np.testing.assert_allclose(radial_errors(predicted, truth, spacing), want)


@given(seed=st.integers(0, 2**16), spacing=spacings)
def test_pairs_take_the_better_order(seed: int, spacing: Spacing | None) -> None:
    """Points 0-1 and 2-3 are calipers, 4 stands alone; the reference tries every order."""
    predicted, truth = np.random.default_rng(seed).uniform(0, 100, (2, 5, 2))
    sums = []
    for first, second in itertools.product([(0, 1), (1, 0)], [(2, 3), (3, 2)]):
        order = [*first, *second, 4]
        sums.append(radial_errors(predicted[order], truth, spacing).sum())
    assert radial_errors(predicted, truth, spacing, pairs=[(0, 1), (2, 3)]).sum() == pytest.approx(min(sums))


def test_a_swapped_caliper_is_right_only_as_a_pair() -> None:
    truth = np.array([[10.0, 10.0], [50.0, 10.0]])
    assert radial_errors(truth[::-1], truth).tolist() == [40, 40]
    assert radial_errors(truth[::-1], truth, pairs=[(0, 1)]).tolist() == [0, 0]
    nearly = truth[::-1] + np.array([[3.0, 4.0], [0.0, 0.0]])
    assert radial_errors(nearly, truth, pairs=[(0, 1)]).tolist() == [0, 5]  # the error stays with its true point


def test_scores() -> None:
    got = keypoint_scores(np.array([1.0, 3.0, 5.0, np.inf]), [2.0, 3.0, 10.0])
    assert got.mean == 3
    assert got.sd == 2
    assert got.detection_rates == (0.25, 0.5, 0.75)
    assert (got.num_points, got.num_missed) == (4, 1)


def test_missed_structures_are_never_dropped() -> None:
    errors = radial_errors(np.zeros((0, 2)), np.ones((3, 2)))
    assert np.isinf(errors).all()
    assert errors.shape == (3,)
    got = keypoint_scores(errors, [5.0])
    assert math.isnan(got.mean)
    assert got.detection_rates == (0.0,)
    assert got.num_missed == 3


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match="2 predicted points for 3"):
        radial_errors(np.zeros((2, 2)), np.zeros((3, 2)))
    with pytest.raises(ValueError, match="NaN"):
        keypoint_scores(np.array([np.nan]), [1.0])


def test_axes_are_clear_where_length_and_width_differ() -> None:
    ends = np.array([[0.0, 0.0], [40.0, 0.0], [20.0, -15.0], [20.0, 15.0]])
    assert has_clear_axes(ends)
    assert not has_clear_axes(ends * [1, 1.02])
    assert not has_clear_axes(ends, Spacing(1.0, 0.9))


def test_similarity_by_hand() -> None:
    assert keypoint_similarity(np.array([10.0]), area=100.0**2, sigma=0.05) == pytest.approx(math.exp(-0.5))
    assert keypoint_similarity(np.array([0.0, np.inf]), area=4.0, sigma=0.05) == 0.5
    for errors, area, sigma in ((np.zeros(0), 1.0, 1.0), (np.zeros(1), 0.0, 1.0), (np.zeros(1), 1.0, 0.0)):
        with pytest.raises(ValueError, match="above 0"):
            keypoint_similarity(errors, area, sigma)


@settings(max_examples=25)
@given(seed=st.integers(0, 2**16), spread=st.sampled_from([1.0, 5.0, 20.0]))
def test_keypoint_precision_equals_pycocotools(seed: int, spread: float) -> None:
    answers, truths, areas = scene(seed, spread)
    rows = [(p, t, a) for (p, _), t, a in zip(answers, truths, areas, strict=True) if len(p)]
    similarities = [keypoint_similarity(radial_errors(p, t), a, 0.05) if len(t) else 0.0 for p, t, a in rows]
    scores = [score for points, score in answers if len(points)]
    got = keypoint_average_precision(np.array(similarities), np.array(scores), sum(len(t) > 0 for t in truths))
    want = ap_by_pycocotools(answers, truths, areas)
    assert (got.mean, got.recall) == pytest.approx((want[0].mean(), want[1].mean()), abs=1e-6)
    assert got.at_threshold == pytest.approx(want[0].tolist(), abs=1e-6)


def test_keypoint_precision_falls_with_planted_faults() -> None:
    sure, perfect = np.array([0.9, 0.8, 0.7]), np.ones(3)
    assert keypoint_average_precision(perfect, sure, 3).mean == pytest.approx(1)
    assert keypoint_average_precision(perfect[1:], sure[1:], 3).mean < 0.7  # dropped
    assert keypoint_average_precision(np.array([0.0, 1.0, 1.0]), sure, 3).mean < 0.7  # far off
    assert keypoint_average_precision(np.zeros(0), np.zeros(0), 3).mean == 0
    assert math.isnan(keypoint_average_precision(perfect, sure, 0).mean)
    with pytest.raises(ValueError, match="similarities"):
        keypoint_average_precision(perfect, sure[1:], 3)


def test_running_keypoints() -> None:
    truth = np.array([[10.0, 10.0], [50.0, 10.0]])
    running = RunningKeypoints([2.0], unit="mm", pairs=[(0, 1)])
    running.update(found(truth[::-1] + np.array([3, 4])), truth, size=100, area=900, spacing=Spacing(0.5, 0.5))
    running.update(found(truth + np.array([0, 1])), truth, size=50, area=900)
    running.update(None, truth, size=50, area=900, spacing=Spacing(1.0, 1.0))
    got = {name: float(value) for name, value in running.compute().items()}
    assert (got["mre_px"], got["mre_mm"], got["nme"]) == pytest.approx((3, 2.5, 0.035))
    assert got["sdr_2"] == 0  # 2.5 mm and missed; the uncalibrated image has no millimetres
    assert (got["num_points"], got["num_missed"]) == (6, 2)
    near = [math.exp(-(d**2) / (2 * 900 * 0.01)) for d in (5, 1)]
    assert got["oks_ap"] == pytest.approx(keypoint_average_precision(np.array(near), np.full(2, 0.9), 3).mean)


def test_unmarked_points_are_no_misses_and_absent_structures_are_alarms() -> None:
    half = np.array([[10.0, 10.0], [np.nan, np.nan]])
    running = RunningKeypoints([1.0], unit="%")
    running.update(found(np.array([[10.5, 10.0], [0.0, 0.0]])), half, size=100, area=900)
    assert (float(running.compute()["sdr_1"]), float(running.compute()["num_points"])) == (1, 1)
    assert float(running.compute()["oks_ap"]) == pytest.approx(1)
    running.update(found(np.zeros((2, 2)), presence=0.95), np.zeros((0, 2)), size=100, area=0)
    assert float(running.compute()["oks_ap"]) == pytest.approx(0.5)


def found(points: np.ndarray, presence: float = 0.9) -> Keypoints:
    names, num = tuple(map(str, range(len(points)))), len(points)
    return Keypoints(
        points, names=names, scores=np.ones(num), covariances=np.zeros((num, 2, 2)), presence=presence, phrase="lesion"
    )


def scene(seed: int, spread: float) -> tuple[list[tuple[np.ndarray, float]], list[np.ndarray], list[float]]:
    """Eight images with at most one structure of four points; some are missed, some answers are alarms."""
    draw = np.random.default_rng(seed)
    answers, truths = [], []
    for image in range(8):
        truth = draw.uniform(50, 150, (4, 2))
        points = truth + draw.normal(0, spread, (4, 2))
        answers.append((points if draw.random() < 0.8 else np.zeros((0, 2)), float(draw.random())))
        truths.append(truth if image == 0 or draw.random() < 0.7 else np.zeros((0, 2)))
    return answers, truths, draw.uniform(500, 5000, 8).tolist()


def ap_by_pycocotools(
    answers: list[tuple[np.ndarray, float]], truths: list[np.ndarray], areas: list[float]
) -> tuple[np.ndarray, np.ndarray]:
    def coco(points: list[np.ndarray], scores: list[float]) -> COCO:
        rows = [
            {"id": image, "image_id": image, "category_id": 1, "iscrowd": 0, "area": areas[image - 1], "score": score}
            | {"keypoints": np.pad(xy, ((0, 0), (0, 1)), constant_values=2).flatten().tolist(), "num_keypoints": 4}
            | {"bbox": [0, 0, 9, 9]}
            for image, (xy, score) in enumerate(zip(points, scores, strict=True), 1)
            if len(xy)
        ]
        made = COCO()
        made.dataset = {"images": [{"id": i} for i in range(1, 9)], "categories": [{"id": 1}], "annotations": rows}
        made.createIndex()
        return made

    with contextlib.redirect_stdout(io.StringIO()):
        true, given = coco(truths, [1.0] * 8), coco(*map(list, zip(*answers, strict=True)))
        evaluator = COCOeval(true, given, "keypoints")
        evaluator.params.kpt_oks_sigmas = np.full(4, 0.05)
        evaluator.params.areaRng, evaluator.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluator.evaluate()
        evaluator.accumulate()
    return evaluator.eval["precision"][:, :, 0, 0, 0].mean(1), evaluator.eval["recall"][:, 0, 0, 0]
