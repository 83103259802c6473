"""Phantom suites: exact truth, and planted faults."""

from __future__ import annotations

import math

import numpy as np
import pytest
from evaluation_oracle import Oracle, shown

from umind.data.phantom import phantom_sample
from umind.evaluation.answers import evaluate_answers, yes_or_no
from umind.evaluation.axes import evaluate_axes
from umind.evaluation.calipers import evaluate_calipers
from umind.evaluation.instances import assigned_dices, evaluate_instances
from umind.evaluation.phantoms import FIRST_SEED, draw_phantoms, evaluate_phantoms
from umind.evaluation.truth import masks_of

PHANTOMS = draw_phantoms(range(FIRST_SEED["val"], FIRST_SEED["val"] + 20), size=128)
CYSTS = [
    shown("one", [(5, 5, 35, 20)], name="cyst", absent=("solid lesion",), organ="phantom"),
    shown("two", [(5, 5, 35, 20), (45, 30, 75, 45)], name="cyst", absent=("solid lesion",), organ="phantom"),
    shown("none", absent=("cyst", "solid lesion"), organ="phantom"),
]


def test_truth_is_perfect_everywhere() -> None:
    scores = evaluate_phantoms(Oracle(PHANTOMS), PHANTOMS)
    assert [s.phrase for s in scores.instances] == ["cyst", "solid lesion", "lesion"]
    for s in scores.instances:
        assert s.num_images > 0
        assert (s.ap50, s.mask_ap50, s.exact_count, s.mask_dice, s.missed) == pytest.approx((1, 1, 1, 1, 0))
    for s in scores.calipers:
        assert (s.num_missed, s.mean, s.median, s.coverage) == pytest.approx((0, 0, 0, 1), abs=1e-9)
    for s in scores.axes:
        assert s.num_images == 0 or (s.mean, s.within_2, s.swapped) == pytest.approx((0, 1, 0), abs=1e-5)
    assert scores.answers.right == 1
    assert [s.auroc.value for s in scores.presence] == [1, 1]
    assert scores.num_lesion_images == scores.instances[2].num_images


def test_shifted_boxes_are_no_hits() -> None:
    shifted = Oracle(CYSTS, masks=lambda sample, phrase: np.roll(masks_of(sample, phrase), 18, 2))
    score = evaluate_instances(shifted, CYSTS, "cyst")
    assert score.ap50 == score.mask_ap50 == 0
    assert score.exact_count == 1
    assert score.mask_dice == pytest.approx(0.4)


def test_one_instance_for_two() -> None:
    merged = Oracle(CYSTS, masks=lambda sample, phrase: masks_of(sample, phrase).any(0)[None])
    score = evaluate_instances(merged, CYSTS[:2], "cyst")
    assert (score.exact_count, score.too_few, score.too_many, score.missed) == (0.5, 0.5, 0, 0)
    assert score.ap50 < 0.5
    assert score.mask_dice == pytest.approx((1 + 2 / 3 + 0) / 3)


def test_duplicates_are_too_many() -> None:
    doubled = Oracle(CYSTS, masks=lambda sample, phrase: masks_of(sample, phrase).repeat(2, 0))
    score = evaluate_instances(doubled, CYSTS[:2], "cyst")
    assert (score.exact_count, score.too_many, score.mask_dice) == (0, 1, 1)
    assert score.ap50 < 1


def test_a_missed_and_an_invented_structure() -> None:
    there = lambda sample, phrase: {"one": 0.2, "two": 0.9, "none": 0.9}[sample.key]  # noqa: E731
    masks = lambda sample, phrase: masks_of(sample if sample.structures else CYSTS[0], phrase)  # noqa: E731
    score = evaluate_instances(Oracle(CYSTS, there=there, masks=masks), CYSTS, "cyst")
    assert (score.missed, score.too_few, score.exact_count, score.false_alarms) == (0.5, 0.5, 0.5, 1)
    assert (score.num_images, score.num_instances, score.num_without) == (2, 3, 1)


def test_dices_of_the_best_assignment() -> None:
    truth = masks_of(CYSTS[1], "cyst")
    assert assigned_dices(truth[::-1], truth) == (1, 1)
    assert assigned_dices(truth[:1], truth) == (1, 0)
    assert assigned_dices(truth[:0], truth) == (0, 0)
    assert assigned_dices(truth, truth[:0]) == ()


def test_calipers_count_a_miss_as_everything() -> None:
    phrase = "longest diameter of the cyst"
    there = lambda sample, phrase: 0.1 if sample.key == "two" else 0.9  # noqa: E731
    score = evaluate_calipers(Oracle(CYSTS, scale=1.1, there=there), CYSTS, phrase)
    assert (score.num_images, score.num_missed) == (2, 1)
    assert score.mean == pytest.approx(0.55)
    assert (score.mean_single, score.median_single) == pytest.approx((0.1, 0.1))
    assert score.coverage == 1
    wide = evaluate_calipers(Oracle(CYSTS, scale=1.5), CYSTS, phrase)
    assert wide.coverage == 0
    with pytest.raises(ValueError, match="no protocol of one region"):
        evaluate_calipers(Oracle(CYSTS), CYSTS, "volume of the cyst")


def test_axes_swapped_within_a_pair_and_across() -> None:
    flipped = evaluate_axes(Oracle(CYSTS, turn=(1, 0, 3, 2)), CYSTS, "cyst")
    assert (flipped.num_images, flipped.mean, flipped.swapped) == pytest.approx((1, 0, 0))
    crossed = evaluate_axes(Oracle(CYSTS, turn=(2, 3, 0, 1)), CYSTS, "cyst")
    assert crossed.swapped == 1
    assert crossed.mean > 5
    assert crossed.within_2 == 0


def test_axes_missed() -> None:
    score = evaluate_axes(Oracle(CYSTS, there=lambda sample, phrase: 0.1), CYSTS, "cyst")
    assert (score.num_missed, score.within_5) == (1, 0)
    assert math.isnan(score.mean)


def test_a_round_shape_has_no_axes() -> None:
    square = [shown("square", [(5, 5, 35, 35)], name="cyst")]
    assert evaluate_axes(Oracle(square), square, "cyst").num_images == 0


def test_answers_half_and_half() -> None:
    score = evaluate_answers(Oracle(PHANTOMS, words=lambda there: "No."), PHANTOMS)
    assert (score.right, score.right_there, score.right_absent, score.num_unparsable) == (0.5, 0, 1, 0)
    mumbled = evaluate_answers(Oracle(PHANTOMS, words=lambda there: "Perhaps"), PHANTOMS)
    assert (mumbled.right, mumbled.num_unparsable) == (0, mumbled.num_questions)
    swapped = evaluate_answers(Oracle(PHANTOMS, words=lambda there: "No" if there else "Yes"), PHANTOMS)
    assert swapped.right == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Yes", True),
        ("yes, in the upper left", True),
        ("No.", False),
        ("Not in this image", False),
        ("None", False),
        ("", None),
        ("...", None),
        ("Nothing yes", None),
        ("A cyst", None),
    ],
)
def test_yes_or_no(text: str, said: bool | None) -> None:
    assert yes_or_no(text) is said


def test_lesion_is_every_focal_structure() -> None:
    sample = next(s for s in (phantom_sample(seed, size=64, scene="lesions") for seed in range(60)) if len(s.structures) == 2)
    masks = masks_of(sample, "lesion")
    assert len(masks) == sum(len(structure.masks) for structure in sample.structures)
    areas = masks.sum((1, 2))
    assert (np.diff(areas.astype(int)) <= 0).all()
    assert masks_of(sample, "fetal head").shape == (0, 64, 64)
