"""Dice, IoU and HD95 against loops, scipy and torchmetrics."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from torchmetrics.functional.classification import binary_f1_score, binary_jaccard_index

from umind.geometry.spacing import Spacing
from umind.metrics.overlap import MeanOverlap, dice, empty_specificity, hd95, iou, nsd

seeds = st.integers(0, 2**16)
EMPTY, FULL = np.zeros((30, 40), bool), np.ones((30, 40), bool)


@settings(max_examples=30)
@given(seed=seeds, share=st.floats(0.05, 0.95))
def test_dice_and_iou_equal_torchmetrics(seed: int, share: float) -> None:
    predicted, truth = noise(seed, share), noise(seed + 1, 0.5)
    flat = torch.from_numpy(predicted).flatten().int(), torch.from_numpy(truth).flatten().int()
    assert dice(predicted, truth) == pytest.approx(float(binary_f1_score(*flat)), abs=1e-6)
    assert iou(predicted, truth) == pytest.approx(float(binary_jaccard_index(*flat)), abs=1e-6)
    assert iou(predicted, truth) == pytest.approx(dice(predicted, truth) / (2 - dice(predicted, truth)))


@settings(max_examples=40)
@given(seed=seeds, spacing=st.one_of(st.none(), st.builds(Spacing, st.floats(0.1, 3.0), st.floats(0.1, 3.0))))
def test_hd95_equals_all_distances(seed: int, spacing: Spacing | None) -> None:
    predicted, truth = blobs(seed), blobs(seed + 1)
    gaps = cdist(outline(predicted, spacing), outline(truth, spacing))
    want = max(np.percentile(gaps.min(1), 95), np.percentile(gaps.min(0), 95))
    assert hd95(predicted, truth, spacing) == pytest.approx(want)
    assert hd95(truth, predicted, spacing) == pytest.approx(want)


@settings(max_examples=40)
@given(
    seed=seeds,
    spacing=st.one_of(st.none(), st.builds(Spacing, st.floats(0.1, 3.0), st.floats(0.1, 3.0))),
    tolerance=st.floats(0, 10),
)
def test_nsd_equals_all_distances(seed: int, spacing: Spacing | None, tolerance: float) -> None:
    predicted, truth = blobs(seed), blobs(seed + 1)
    gaps = cdist(outline(predicted, spacing), outline(truth, spacing))
    near = int((gaps.min(1) <= tolerance).sum() + (gaps.min(0) <= tolerance).sum())
    got = nsd(predicted, truth, tolerance, spacing)
    assert got == pytest.approx(near / sum(gaps.shape), abs=1e-9)
    assert got == nsd(truth, predicted, tolerance, spacing)
    assert got <= nsd(predicted, truth, tolerance + 1, spacing) <= 1


def test_nsd_of_a_shifted_square() -> None:
    truth = EMPTY.copy()
    truth[10:20, 10:20] = True
    shifted = np.roll(truth, 3, 1)
    assert nsd(truth, truth, 0) == 1
    assert nsd(shifted, truth, 0) == pytest.approx(2 * 14 / 72)  # 7 pixels of the upper and of the lower side coincide
    assert nsd(shifted, truth, 2.9) < nsd(shifted, truth, 3) == 1
    assert nsd(shifted, truth, 1.5, Spacing(9.0, 0.5)) == 1
    assert nsd(EMPTY, truth, 5) == nsd(truth, EMPTY, 5) == 0
    assert math.isnan(nsd(EMPTY, EMPTY, 5))
    with pytest.raises(ValueError, match="negative"):
        nsd(truth, truth, -1)


def test_empty_specificity() -> None:
    found, present = np.array([True, False, False, True, False]), np.array([True, True, False, False, False])
    assert empty_specificity(found, present) == pytest.approx(2 / 3)
    assert empty_specificity(~found, present) == pytest.approx(1 / 3)  # planted: the masks of other images
    assert math.isnan(empty_specificity(found, np.ones(5, bool)))
    with pytest.raises(ValueError, match="images"):
        empty_specificity(found, present[1:])


def test_empty_rules() -> None:
    for metric in (dice, iou, hd95):
        assert math.isnan(metric(EMPTY, EMPTY))
    for pair in ((EMPTY, FULL), (FULL, EMPTY)):
        assert dice(*pair) == iou(*pair) == 0
        assert hd95(*pair) == 50
        assert hd95(*pair, Spacing(0.5, 2.0)) == pytest.approx(math.hypot(15, 80))
    assert dice(FULL, FULL) == iou(FULL, FULL) == 1
    assert hd95(FULL, FULL) == 0


def test_a_shift_is_measured_in_millimetres() -> None:
    truth = EMPTY.copy()
    truth[10:20, 10:20] = True
    assert hd95(np.roll(truth, 4, 1), truth) == 4
    assert hd95(np.roll(truth, 4, 1), truth, Spacing(9.0, 0.5)) == 2


def test_directions_are_not_pooled() -> None:
    """A far false alarm of 10 % of the outline: pooled with the other direction it would vanish."""
    truth = np.zeros((100, 100), bool)
    truth[10:40, 10:40] = True
    predicted = truth.copy()
    predicted[80:84, 80:84] = True
    pooled = np.percentile(np.concatenate([np.zeros(2 * len(outline(truth, None))), np.full(12, 60.0)]), 95)
    assert pooled == 0
    assert hd95(predicted, truth) > 50


def test_sizes_must_agree() -> None:
    for metric in (dice, iou, hd95):
        with pytest.raises(ValueError, match="different size"):
            metric(EMPTY, EMPTY[1:])


def test_running_mean_equals_the_list() -> None:
    running = MeanOverlap()
    pairs = [(blobs(seed), blobs(seed + 1)) for seed in range(5)] + [(EMPTY, EMPTY), (EMPTY, FULL), (FULL, EMPTY)]
    pairs[:5] = [(p[:30, :40], t[:30, :40]) for p, t in pairs[:5]]
    spacing = Spacing(0.3, 0.2)
    for predicted, truth in pairs:
        running.update(predicted, truth, spacing)
    got = {name: float(value) for name, value in running.compute().items()}
    dices = [dice(*pair) for pair in pairs]
    assert got["dice"] == pytest.approx(np.nanmean(dices), rel=1e-5)
    assert got["dice_sd"] == pytest.approx(np.nanstd(dices, ddof=1), rel=1e-5)
    assert got["iou"] == pytest.approx(np.nanmean([iou(*pair) for pair in pairs]), rel=1e-5)
    assert got["hd95"] == pytest.approx(np.nanmean([hd95(*pair, spacing) for pair in pairs]), rel=1e-5)
    counts = [got[name] for name in ("num_scored", "num_true_negative", "num_missed", "num_false_alarm")]
    assert counts == [7, 1, 1, 1]
    assert got["nsd"] == pytest.approx(np.nanmean([nsd(*pair, 2.0, spacing) for pair in pairs]))
    assert got["empty_specificity"] == 0.5


def test_running_mean_forgets_and_survives_a_sync() -> None:
    running = MeanOverlap()
    running.update(FULL, FULL)
    running.update(EMPTY, FULL)
    kept, running.cases = running.cases, torch.cat(running.cases)  # type: ignore[assignment]  # as in a sync over processes
    assert float(running.compute()["dice"]) == 0.5
    running.cases = kept
    running.reset()
    assert float(running(FULL, FULL)["dice"]) == 1
    assert int(running.compute()["num_scored"]) == 1
    assert math.isnan(running.compute()["dice_sd"])


def test_no_answer_is_a_miss() -> None:
    running = MeanOverlap()
    running.update(None, FULL)
    running.update(None, EMPTY)
    got = running.compute()
    assert (float(got["dice"]), float(got["nsd"]), float(got["hd95"])) == (0, 0, 50)
    assert (int(got["num_missed"]), int(got["num_true_negative"])) == (1, 1)


def noise(seed: int, share: float) -> np.ndarray:
    mask = np.random.default_rng(seed).random((20, 25)) < share
    mask[0, 0] = True
    return mask


def blobs(seed: int) -> np.ndarray:
    """Two discs, now and then cut by the border."""
    draw = np.random.default_rng(seed)
    y, x = np.mgrid[:50, :60]
    discs = [np.hypot(y - draw.uniform(5, 25), x - draw.uniform(5, 35)) < draw.uniform(3, 12) for _ in range(2)]
    return discs[0] | discs[1]


def outline(mask: np.ndarray, spacing: Spacing | None) -> np.ndarray:
    found = []
    for row, column in np.argwhere(mask):
        around = [(row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)]
        inside = [0 <= i < mask.shape[0] and 0 <= j < mask.shape[1] and mask[i, j] for i, j in around]
        if not all(inside):
            found.append((row, column))
    return np.array(found) * ([spacing.dy, spacing.dx] if spacing else [1.0, 1.0])
