"""Keypoint suite: the truth scores perfectly, and each planted fault costs what it should."""

from __future__ import annotations

import math

import numpy as np
import pytest
from evaluation_oracle import Oracle, shown

from umind.evaluation.card import to_card
from umind.evaluation.keypoints import evaluate_keypoints
from umind.evaluation.truth import masks_of

LONG = [shown(f"long {k}", [(10, 10, 50, 25)], patient=f"p{k // 2}") for k in range(4)]
LENGTH = 2 * 40 / math.sqrt(3)  # axis of the ellipse with the moments of a rectangle 40 wide


def moved(pixels: int) -> Oracle:
    """Sees everything shifted to the right."""
    return Oracle(LONG, masks=lambda sample, phrase: np.roll(masks_of(sample, phrase), pixels, 2))


def test_truth_is_perfect() -> None:
    (score,) = evaluate_keypoints(Oracle(LONG), LONG)
    assert (score.phrase, score.num_images, score.num_missed, score.nme.num_groups) == ("breast lesion", 4, 0, 2)
    assert (score.mre_px.value, score.mre_mm.value, score.nme.value) == pytest.approx((0, 0, 0), abs=1e-5)
    assert (score.within_5, score.within_10, score.oks_ap.value) == pytest.approx((1, 1, 1))


def test_shifted_points() -> None:
    (score,) = evaluate_keypoints(moved(4), LONG)
    assert (score.mre_px.value, score.mre_mm.value, score.nme.value) == pytest.approx((4, 2, 4 / LENGTH), rel=1e-5)
    assert (score.within_5, score.within_10) == (0, 1)
    assert score.oks_ap.value < 1
    (score,) = evaluate_keypoints(moved(2), LONG)
    assert (score.within_5, score.within_10) == (1, 1)


def test_ends_of_an_axis_may_change_places_and_axes_may_not() -> None:
    (flipped,) = evaluate_keypoints(Oracle(LONG, turn=(1, 0, 3, 2)), LONG)
    assert flipped.nme.value == pytest.approx(0, abs=1e-6)
    (crossed,) = evaluate_keypoints(Oracle(LONG, turn=(2, 3, 0, 1)), LONG)
    assert crossed.nme.value > 0.2
    assert (crossed.within_10, crossed.oks_ap.value) == (0, 0)


def test_a_missed_structure_counts() -> None:
    there = lambda sample, phrase: 0.1 if sample.key == "long 0" else 0.9  # noqa: E731
    (score,) = evaluate_keypoints(Oracle(LONG, there=there), LONG)
    assert (score.num_images, score.num_missed, score.within_5, score.within_10) == (4, 1, 0.75, 0.75)
    assert score.oks_ap.value == pytest.approx(76 / 101)
    assert score.nme.value == pytest.approx(0, abs=1e-6)
    (blind,) = evaluate_keypoints(Oracle(LONG, there=lambda sample, phrase: 0.1), LONG)
    assert (blind.num_missed, blind.within_10, blind.oks_ap.value) == (4, 0, 0)
    assert to_card(blind)["nme"]["value"] is None


def test_a_dropped_case_is_refused() -> None:
    with pytest.raises(ValueError, match="dropped"):
        evaluate_keypoints(Oracle(LONG, drop=True), LONG)


def test_round_several_and_other_structures_are_not_asked() -> None:
    images = [
        shown("round", [(10, 10, 40, 35)]),
        shown("two", [(10, 10, 50, 25), (10, 30, 50, 45)]),
        shown("none"),
        shown("artery", [(10, 10, 50, 25)], name="carotid artery"),
    ]
    assert evaluate_keypoints(Oracle(images), images) == ()


def test_no_millimetres_without_spacing() -> None:
    bare = [shown("bare", [(10, 10, 50, 25)], spacing=None)]
    (score,) = evaluate_keypoints(Oracle(bare), bare)
    assert math.isnan(score.mre_mm.value)
    assert score.mre_px.value == pytest.approx(0, abs=1e-6)
    (mixed, _, over_all) = evaluate_keypoints(Oracle([*LONG, OTHER]), [*LONG, OTHER])
    assert (mixed.dataset, over_all.dataset, over_all.num_images) == ("made", "all sets", 5)
    assert over_all.mre_mm.value == pytest.approx(0, abs=1e-6)


OTHER = shown("other", [(10, 10, 50, 25)], spacing=None, dataset="another")
