"""Suites over real sets: the truth scores perfectly, and each planted fault costs what it should."""

from __future__ import annotations

import json
import math

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

LESIONS = [
    shown(f"lesion {k}", [(10 + k, 10, 40, 30)], kind="malignant" if k % 2 else "benign", patient=f"p{k // 2}")
    for k in range(12)
]
NORMAL = [shown(f"normal {k}", absent=("breast lesion", "fetal head")) for k in range(4)]
HEADS = [
    shown(f"head {k}", [(5, 5, 60, 50)], name="fetal head", organ="fetal head", reference=170.0 + k, patient=f"p{k}")
    for k in range(5)
]


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


def test_a_missed_structure_counts_as_zero() -> None:
    there = lambda sample, phrase: 0.4 if sample.key in ("lesion 0", "lesion 1", "lesion 2") else 0.9  # noqa: E731
    (score,) = evaluate_segmentation(Oracle(LESIONS, there=there), LESIONS)
    assert score.num_missed == 3
    assert score.dice.value == pytest.approx(0.75)
    assert score.dice.lower < 0.75 < score.dice.upper
    (kept,) = evaluate_segmentation(Oracle(LESIONS, there=there), LESIONS, threshold=0)
    assert kept.dice.value == 1


def test_a_shifted_mask_costs_overlap() -> None:
    shifted = Oracle(LESIONS[:1], masks=lambda sample, phrase: np.roll(masks_of(sample, phrase), 15, 2))
    (score,) = evaluate_segmentation(shifted, LESIONS[:1])
    assert score.dice.value == pytest.approx(0.5)
    assert score.iou.value == pytest.approx(1 / 3)


def test_a_healthy_ovary_is_no_mass() -> None:
    ovary = shown("ovary", [(5, 5, 30, 30)], name="ovary", organ="ovary")
    assert evaluate_segmentation(Oracle([ovary]), [ovary]) == ()


def test_each_set_and_phrase_apart() -> None:
    both = [*LESIONS, *HEADS, shown("other", [(1, 1, 9, 9)], dataset="another")]
    scores = evaluate_segmentation(Oracle(both), both)
    assert [(s.dataset, s.phrase, s.num_images) for s in scores] == [
        ("made", "breast lesion", 12),
        ("made", "fetal head", 5),
        ("another", "breast lesion", 1),
    ]


def test_presence_of_the_truth() -> None:
    images = [*LESIONS, *NORMAL]
    everything, own = evaluate_presence(Oracle(images), images)
    assert (everything.name, own.name) == ("made", "made, own organ")
    assert (everything.num_there, everything.num_absent) == (12, 2 * 16)
    assert (own.num_there, own.num_absent) == (12, 4)
    assert everything.auroc.value == own.auroc.value == own.specificity == everything.found == 1
    assert everything.false_alarms == 0
    assert everything.calibration_error == pytest.approx(0.1)


def test_presence_that_sees_lesions_in_normal_breasts() -> None:
    images = [*LESIONS, *NORMAL]
    there = lambda sample, phrase: 0.9 if phrase == "breast lesion" else 0.1  # noqa: E731
    masks = lambda sample, phrase: np.ones((1, 64, 80), bool)  # noqa: E731
    everything, own = evaluate_presence(Oracle(images, there=there, masks=masks), images)
    assert own.auroc.value == 0.5
    assert own.false_alarms == 1
    assert everything.false_alarms == pytest.approx(4 / 32)
    assert 0.9 < everything.auroc.value < 1


def test_presence_over_several_sets() -> None:
    images = [*LESIONS[:2], shown("other", [(1, 1, 9, 9)], dataset="another")]
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
    assert (score.num_benign, score.num_malignant) == (6, 6)
    assert score.auroc.value == score.balanced_accuracy == score.specificity == 1
    assert score.brier == pytest.approx(0.04)


def test_diagnosis_with_swapped_labels() -> None:
    (score,) = evaluate_diagnosis(Oracle(LESIONS, malignant=lambda truth: 0.2 if truth else 0.8), LESIONS)
    assert score.auroc.value == score.balanced_accuracy == 0


def test_measurement() -> None:
    (score,) = evaluate_measurement(Oracle([*HEADS, *LESIONS]), [*HEADS, *LESIONS])
    assert (score.agreement.num_cases, score.agreement.num_missed) == (5, 0)
    assert (score.agreement.mae, score.mae.value, score.coverage) == (0, 0, 1)


def test_measurement_bias_and_misses() -> None:
    there = lambda sample, phrase: 0.1 if sample.key == "head 0" else 0.9  # noqa: E731
    (score,) = evaluate_measurement(Oracle(HEADS, scale=1.1, there=there), HEADS)
    assert (score.agreement.num_cases, score.agreement.num_missed) == (4, 1)
    assert score.agreement.bias == pytest.approx(17.25)
    assert score.agreement.mae_percent == pytest.approx(10)
    none = evaluate_measurement(Oracle(HEADS, there=lambda sample, phrase: 0.1), HEADS)[0]
    assert none.agreement.num_missed == 5
    assert math.isnan(none.mae.value)
    assert to_card(none)["mae"]["value"] is None


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
