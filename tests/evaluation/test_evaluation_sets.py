"""Suites over real sets: the truth scores perfectly, and each planted fault costs what it should."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from evaluation_oracle import Oracle, shown

from umind.data.phantom import phantom_sample
from umind.evaluation.card import to_card
from umind.evaluation.diagnosis import evaluate_diagnosis
from umind.evaluation.interview import Portion, interview, unit_of_chance
from umind.evaluation.measurement import evaluate_measurement
from umind.evaluation.presence import evaluate_presence, phrases_asked
from umind.evaluation.segmentation import evaluate_segmentation
from umind.evaluation.truth import masks_of
from umind.schema.sample import Structure

LESIONS = [
    shown(f"lesion {k}", [(10 + k, 10, 40, 30)], kind="malignant" if k % 2 else "benign", patient=f"p{k // 2}")
    for k in range(12)
]
NORMAL = [shown(f"normal {k}", absent=("breast lesion", "fetal head")) for k in range(4)]
HEADS = [
    shown(
        f"head {k}",
        [(5, 5, 60, 50)],
        name="fetal head",
        absent=("breast lesion", "liver lesion"),
        organ="fetal head",
        reference=170.0 + k,
        patient=f"p{k}",
    )
    for k in range(5)
]
FOREIGN = shown("other", [(1, 1, 9, 9)], dataset="another")
HC = ("head circumference",)


def test_images_are_encoded_once_in_batches() -> None:
    oracle = Oracle(LESIONS)
    answers = list(interview(oracle, iter(LESIONS), lambda s: ["breast lesion", "fetal head"], oracle.detect))
    assert oracle.batches == [8, 4]
    assert [sample.key for sample, _, _ in answers[::2]] == [sample.key for sample in LESIONS]
    assert {phrase for _, phrase, _ in answers} == {"breast lesion", "fetal head"}


def test_nothing_asked_nothing_encoded() -> None:
    oracle = Oracle(LESIONS)
    assert list(interview(oracle, LESIONS, lambda s: [], oracle.detect)) == []
    assert oracle.batches == []


def test_a_dropped_case_is_refused() -> None:
    with pytest.raises(ValueError, match="dropped"):
        evaluate_segmentation(Oracle(LESIONS, drop=True), LESIONS)


def test_truth_is_perfect() -> None:
    (score,) = evaluate_segmentation(Oracle(LESIONS), LESIONS)
    assert (score.dice.value, score.iou.value, score.exact_count, score.num_missed) == (1, 1, 1, 0)
    assert (score.num_images, score.dice.num_groups) == (12, 6)
    assert (score.hd95.value, score.nsd.value, score.length_unit) == (0, 1, "mm")
    assert score.empty is None


def test_a_missed_structure_counts_as_zero() -> None:
    there = lambda sample, phrase: 0.4 if sample.key in ("lesion 0", "lesion 1", "lesion 2") else 0.9  # noqa: E731
    (score,) = evaluate_segmentation(Oracle(LESIONS, there=there), LESIONS)
    assert score.num_missed == 3
    assert score.dice.value == pytest.approx(0.75)
    assert score.dice.lower < 0.75 < score.dice.upper
    assert score.nsd.value == 0.75
    assert score.hd95.value == pytest.approx(0.25 * 0.5 * math.hypot(64, 80))
    (kept,) = evaluate_segmentation(Oracle(LESIONS, there=there), LESIONS, threshold=0)
    assert kept.dice.value == 1


def test_a_shifted_mask_costs_overlap() -> None:
    shifted = Oracle(LESIONS[:1], masks=lambda sample, phrase: np.roll(masks_of(sample, phrase), 15, 2))
    (score,) = evaluate_segmentation(shifted, LESIONS[:1])
    assert score.dice.value == pytest.approx(0.5)
    assert score.iou.value == pytest.approx(1 / 3)
    assert score.hd95.value == pytest.approx(7.5)
    assert 0 < score.nsd.value < 1


def test_outlines_are_in_pixels_unless_every_image_has_spacing() -> None:
    images = [LESIONS[0], shown("bare", [(10, 10, 40, 30)], spacing=None)]
    shifted = Oracle(images, masks=lambda sample, phrase: np.roll(masks_of(sample, phrase), 3, 2))
    (score,) = evaluate_segmentation(shifted, images)
    assert (score.hd95.value, score.length_unit) == (3, "px")
    assert score.nsd.value < 1
    (score,) = evaluate_segmentation(shifted, images[:1])
    assert (score.hd95.value, score.length_unit) == (1.5, "mm")
    assert score.nsd.value == 1  # 1.5 mm of 2


def test_a_mask_where_nothing_is_costs_specificity() -> None:
    images = [*LESIONS, *NORMAL]
    (score,) = evaluate_segmentation(Oracle(images), images)
    assert (score.num_images, score.empty.num_images, score.empty.specificity.value) == (12, 4, 1)
    there = lambda sample, phrase: 0.9 if sample.key == "normal 0" or len(masks_of(sample, phrase)) else 0.1  # noqa: E731
    masks = lambda sample, phrase: masks_of(sample if sample.structures else LESIONS[0], phrase)  # noqa: E731
    (score,) = evaluate_segmentation(Oracle(images, there=there, masks=masks), images)
    assert score.empty.specificity.value == 0.75
    assert score.dice.value == 1
    (score, other, over_all) = evaluate_segmentation(Oracle([*images, FOREIGN]), [*images, FOREIGN])
    assert (other.dataset, over_all.dataset, over_all.num_images) == ("another", "all sets", 13)
    assert (score.empty.num_images, other.empty, over_all.empty.num_images) == (4, None, 4)


def test_what_is_only_boxed_is_not_outlined() -> None:
    boxed = Structure("breast lesion", masks=np.zeros((0, 64, 80), bool), boxes=np.array([[1, 1, 9, 9]], np.float32))
    sample = replace(LESIONS[0], structures=(boxed,))
    assert evaluate_segmentation(Oracle([sample]), [sample]) == ()


def test_a_healthy_ovary_is_no_mass() -> None:
    ovary = shown("ovary", [(5, 5, 30, 30)], name="ovary", organ="ovary")
    assert evaluate_segmentation(Oracle([ovary]), [ovary]) == ()


def test_each_set_and_phrase_apart() -> None:
    both = [*LESIONS, *HEADS, FOREIGN]
    scores = evaluate_segmentation(Oracle(both), both)
    assert [(s.dataset, s.phrase, s.num_images) for s in scores] == [
        ("made", "breast lesion", 12),
        ("made", "fetal head", 5),
        ("another", "breast lesion", 1),
        ("all sets", "breast lesion", 13),
        ("all sets", "fetal head", 5),
    ]
    assert scores[3].empty.num_images == 5  # the heads
    assert scores[4].empty.num_images == 13


def test_presence_of_the_truth() -> None:
    images = [*LESIONS, *NORMAL]
    everything, own = evaluate_presence(Oracle(images), images)
    assert (everything.name, own.name) == ("made", "made, own organ")
    assert (everything.num_there, everything.num_absent) == (12, 2 * 16)
    assert (own.num_there, own.num_absent) == (12, 4)
    assert everything.auroc.value == own.auroc.value == own.specificity.value == everything.found == 1
    assert everything.false_alarms == 0
    assert everything.calibration_error == pytest.approx(0.1)


def test_presence_that_sees_lesions_in_normal_breasts() -> None:
    images = [*LESIONS, *NORMAL]
    there = lambda sample, phrase: 0.9 if phrase == "breast lesion" else 0.1  # noqa: E731
    masks = lambda sample, phrase: np.ones((1, 64, 80), bool)  # noqa: E731
    everything, own = evaluate_presence(Oracle(images, there=there, masks=masks), images)
    assert (own.auroc.value, own.specificity.value) == (0.5, 0)
    assert own.false_alarms == 1
    assert everything.false_alarms == pytest.approx(4 / 32)
    assert 0.9 < everything.auroc.value < 1


def test_presence_over_several_sets() -> None:
    images = [*LESIONS[:2], FOREIGN]
    scores = evaluate_presence(Oracle(images), images)
    assert [(s.name, s.num_there, s.num_absent) for s in scores] == [("all", 3, 6), ("made", 2, 4), ("another", 1, 2)]


def test_absent_names_do_not_depend_on_order() -> None:
    sample = shown("x", [(1, 1, 9, 9)], absent=("a", "b", "c", "d", "e"))
    asked = phrases_asked(sample)
    assert asked == phrases_asked(sample)
    assert len(asked) == 3
    assert asked[0] == "breast lesion"
    assert {tuple(phrases_asked(sample, seed=seed)) for seed in range(20)} != {tuple(asked)}
    assert phrases_asked(NORMAL[0])[0] == "breast lesion"


def test_diagnosis() -> None:
    (score,) = evaluate_diagnosis(Oracle([*LESIONS, *NORMAL]), [*LESIONS, *NORMAL])
    assert (score.structure, score.counts, score.num_unreadable) == ("breast lesion", {"benign": 6, "malignant": 6}, 0)
    assert score.auroc.value == score.balanced_accuracy.value == score.macro_f1.value == score.quadratic_kappa == 1
    assert score.specificity == 1
    assert score.brier == pytest.approx(0.04)
    assert score.calibration_error == pytest.approx(0.2)


def test_diagnosis_over_several_sets() -> None:
    others = [shown(f"other {k}", [(10, 10, 40, 30)], kind="malignant", dataset="another") for k in range(3)]
    images = [*LESIONS, *others]
    scores = evaluate_diagnosis(Oracle(images), images)
    assert [(s.dataset, sum(s.counts.values())) for s in scores] == [("made", 12), ("another", 3), ("all sets", 15)]
    assert scores[-1].auroc.value == 1


def test_diagnosis_with_swapped_labels() -> None:
    (score,) = evaluate_diagnosis(Oracle(LESIONS, malignant=lambda truth: 0.2 if truth else 0.8), LESIONS)
    assert score.auroc.value == score.balanced_accuracy.value == score.macro_f1.value == 0
    assert score.quadratic_kappa == -1


def test_diagnosis_too_sure() -> None:
    kinds = ["malignant"] * 6 + ["benign"] * 2 + ["benign"] * 6 + ["malignant"] * 2
    lesions = [shown(str(k), [(10, 10, 40, 30)], kind=kind) for k, kind in enumerate(kinds)]
    said = iter([0.9] * 8 + [0.1] * 8)
    (score,) = evaluate_diagnosis(Oracle(lesions, malignant=lambda truth: next(said)), lesions)
    assert score.calibration_slope == pytest.approx(math.log(3) / math.log(9), rel=1e-6)
    assert score.balanced_accuracy.value == 0.75


def test_a_diagnosis_that_cannot_be_read_is_wrong() -> None:
    (score,) = evaluate_diagnosis(Oracle(LESIONS, malignant=lambda truth: math.nan if truth else 0.2), LESIONS)
    assert (score.num_unreadable, score.auroc.value, score.balanced_accuracy.value) == (6, 0, 0.5)
    assert sum(score.counts.values()) == 12


def test_diagnosis_of_more_classes_than_two() -> None:
    kinds = ("simple cyst", "teratoma", "cystadenoma") * 4
    masses = [
        shown(f"mass {k}", [(10, 10, 40, 30)], name="ovarian mass", kind=kind, dataset="masses") for k, kind in enumerate(kinds)
    ]
    images = [*LESIONS, *masses]
    binary, score = evaluate_diagnosis(Oracle(images), images)
    assert (binary.dataset, score.dataset, score.structure) == ("made", "masses", "ovarian mass")
    assert score.counts == {"cystadenoma": 4, "simple cyst": 4, "teratoma": 4}
    assert score.auroc.value == score.balanced_accuracy.value == score.macro_f1.value == 1
    assert score.calibration_error == pytest.approx(0.2)
    assert math.isnan(score.quadratic_kappa)
    named = lambda truth: "teratoma" if truth == "simple cyst" else truth  # noqa: E731
    _, score = evaluate_diagnosis(Oracle(images, named=named), images)
    assert score.balanced_accuracy.value == pytest.approx(2 / 3)
    assert score.macro_f1.value == pytest.approx((1 + 0 + 2 / 3) / 3)
    assert score.auroc.value < 1


def test_measurement() -> None:
    head, lesion = evaluate_measurement(Oracle([*HEADS, *LESIONS]), [*HEADS, *LESIONS])
    assert (head.name, lesion.name) == (*HC, "longest diameter of the breast lesion")
    assert (head.agreement.num_cases, lesion.agreement.num_cases) == (5, 12)
    for score in (head, lesion):
        assert (score.agreement.num_missed, score.agreement.mae, score.mae.value) == (0, 0, 0)
        assert (score.coverage, score.icc.value, score.within.value) == (1, 1, 1)


def test_measurement_bias_and_misses() -> None:
    there = lambda sample, phrase: 0.1 if sample.key == "head 0" else 0.9  # noqa: E731
    (score,) = evaluate_measurement(Oracle(HEADS, scale=1.1, there=there), HEADS, names=HC)
    assert (score.agreement.num_cases, score.agreement.num_missed) == (4, 1)
    assert score.agreement.bias == pytest.approx(17.25)
    assert score.agreement.mae_percent == pytest.approx(10)
    assert score.icc.value < 0.1
    assert score.within.value == 0
    none = evaluate_measurement(Oracle(HEADS, there=lambda sample, phrase: 0.1), HEADS, names=HC)[0]
    assert none.agreement.num_missed == 5
    assert none.within.value == 0
    assert math.isnan(none.mae.value)
    assert math.isnan(none.icc.value)
    assert to_card(none)["mae"]["value"] is None


def test_each_measurement_has_its_own_tolerance() -> None:
    there = lambda sample, phrase: 0.1 if sample.key in ("head 0", "lesion 0", "lesion 1", "lesion 2") else 0.9  # noqa: E731
    images = [*HEADS, *LESIONS]
    head, lesion = evaluate_measurement(Oracle(images, scale=1.1, there=there), images)
    assert (head.tolerance, lesion.tolerance) == (0.03, 0.2)
    assert (head.within.value, lesion.within.value) == (0, 0.75)
    head, _ = evaluate_measurement(Oracle(images, scale=1.02, there=there), images)
    assert head.within.value == pytest.approx(0.8)


def test_no_diameter_without_spacing() -> None:
    bare = shown("bare", [(10, 10, 40, 30)], spacing=None)
    assert evaluate_measurement(Oracle([bare]), [bare]) == ()


def test_cards_are_json_without_cases() -> None:
    oracle = Oracle([*LESIONS, *NORMAL])
    card = to_card(evaluate_presence(oracle, [*LESIONS, *NORMAL]))
    assert json.loads(json.dumps(card, allow_nan=False)) == card
    assert "cases" not in card[0]
    assert set(card[0]["auroc"]) == {"value", "lower", "upper", "num_groups", "num_undefined"}
    with pytest.raises(ValueError, match="no part of a card"):
        to_card(object())


def test_portion_is_seeded_and_keeps_order() -> None:
    portion = Portion(LESIONS, 5, seed=1)
    keys = [sample.key for sample in portion]
    assert keys == [sample.key for sample in portion]
    assert len(portion) == len(set(keys)) == 5
    assert portion.places == sorted(portion.places)
    assert Portion(LESIONS, 5, seed=2).places != portion.places
    assert len(Portion(LESIONS)) == 12


def test_patients_are_the_unit_of_chance() -> None:
    assert unit_of_chance(LESIONS[0]) == unit_of_chance(LESIONS[1]) != unit_of_chance(LESIONS[2])
    assert unit_of_chance(NORMAL[0]) == "made/normal 0"
    assert unit_of_chance(phantom_sample(1, size=64)) == "phantom/phantom-1"
