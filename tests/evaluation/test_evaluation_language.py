"""Suites of words: the truth scores perfectly, and each planted fault changes its figure."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from evaluation_oracle import Oracle, measured, shown

from umind.data.phantom import phantom_sample
from umind.data.wording import WORDINGS
from umind.evaluation.card import to_card
from umind.evaluation.judge import choice_of, count_of, judge_organ, judge_size, place_of
from umind.evaluation.language_tables import report_tables, vqa_table, wording_table
from umind.evaluation.predictions import MissingPredictionError, Predictions
from umind.evaluation.report import evaluate_report, reference_of
from umind.evaluation.segmentation import SCORED
from umind.evaluation.truth import masks_of
from umind.evaluation.vqa import evaluate_vqa, items_of
from umind.evaluation.wording import FRAME, NEW, TRAINED, UNSEEN, evaluate_wording, trained_wordings, wordings_of
from umind.schema.result import Answer, Measurement, Report
from umind.schema.sample import Exchange, Sample

LOOKS = (
    {"shape": "oval", "margin": "circumscribed", "echogenicity": "anechoic", "posterior features": "enhancement"},
    {"shape": "irregular", "margin": "not circumscribed - angular", "echogenicity": "hypoechoic", "posterior features": "no"},
)


def lesion(number: int) -> Sample:
    sample = shown(f"lesion {number}", [(10, 10, 40 + number, 31)], kind=("benign", "malignant")[number % 2])
    (structure,) = sample.structures
    attributes = {**structure.attributes, **LOOKS[number % 2]}
    return replace(sample, structures=(replace(structure, attributes=attributes),), patient=f"p{number // 2}")


LESIONS = [lesion(number) for number in range(8)]
NORMAL = [shown(f"normal {number}", absent=("breast lesion", "fetal head")) for number in range(2)]
HEAD = shown("head", [(5, 5, 60, 50)], name="fetal head", organ="fetal head", reference=170.0)
ASKED_ITSELF = replace(
    shown("own", dataset="asked"),
    exchanges=(
        Exchange("Which?", answer="benign", options=("benign", "malignant")),
        Exchange("Any mass?", answer="Yes"),
        Exchange("How long?", answer="The length is 12 mm."),
        Exchange("And the look?", answer="An oval hypoechoic mass."),
        Exchange("What view?", answer="apical four chamber"),
    ),
)
EVERYTHING = [*LESIONS, *NORMAL, HEAD, ASKED_ITSELF]


class Speaker(Oracle):
    """Answers and reports with the reference, unless a fault is planted in its words.

    Args:
        samples: Images that it will be shown.
        said: From sample, question and the right words to its words.
        printed: From a report's text to the numbers that it claims to have measured.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        *,
        said: Callable[[Sample, str, str], str] = lambda sample, question, words: words,
        printed: Callable[[Sample, str], tuple[Measurement, ...]] | None = None,
        **settings: object,
    ) -> None:
        super().__init__(samples, **settings)
        self.said = said
        self.printed = printed or (lambda sample, text: measured(reference_of(sample)))

    def ask(self, images, questions, *, threshold=None):
        def make(sample, question, presence):
            return Answer(self.said(sample, question, items_of(sample)[question].answer), evidence=(), presence=1.0)

        return self.each(images, questions, make)

    def report(self, images, *, threshold=None):
        def make(sample, question, presence):
            text = self.said(sample, question, reference_of(sample))
            return Report(text, findings=(), measurements=self.printed(sample, text), evidence=(), presence=1.0)

        return self.each(images, ["report"] * len(images), make)


def test_reference_reports() -> None:
    assert reference_of(LESIONS[0]) == (
        "Breast ultrasound. One anechoic oval breast lesion in the upper left. Margin circumscribed. "
        "Posterior features enhancement. Longest diameter 18.3 mm, perpendicular diameter 12.8 mm. Assessment: benign."
    )
    assert reference_of(NORMAL[0]) == "Breast ultrasound. No breast lesion seen."
    assert "Head circumference 170.0 mm" in reference_of(HEAD)  # the set's own, not the mask's
    assert reference_of(shown("unknown", absent=("fetal head",))) == ""
    assert reference_of(replace(HEAD, report="A head.")) == "A head."
    empty = next(s for s in map(phantom_sample, range(5_000_000, 5_000_100)) if not s.structures)
    assert reference_of(empty) == "Ultrasound phantom. No lesion seen."


def test_reports_of_the_truth() -> None:
    (score,) = evaluate_report(Speaker(EVERYTHING), EVERYTHING)
    assert (score.dataset, score.language, score.num_reports, score.supported.num_groups) == ("made", "en", 11, 7)
    text = score.text
    perfect = (text.bleu1, text.bleu4, text.rouge1, text.rouge2, text.rouge_l, text.finding_f1, text.number_f1)
    assert perfect == pytest.approx((1,) * 7)
    assert (score.finding_f1.value, score.number_f1.value, score.supported.value, score.num_unsupported) == (1, 1, 1, 0)
    told = {d.name: (d.num_images, d.num_unread, d.macro_f1.value) for d in score.descriptors}
    assert told == {
        "echogenicity": (8, 0, 1),
        "margin": (8, 0, 1),
        "shape": (8, 0, 1),
        "posterior features": (8, 0, 1),
    }


def test_a_wrong_number_in_a_report() -> None:
    wrong = Speaker(LESIONS, said=lambda s, q, words: words.replace("12.8", "21.8") if s.key == "lesion 0" else words)
    (score,) = evaluate_report(wrong, LESIONS)
    assert (score.supported.value, score.num_unsupported) == (7 / 8, 1)
    assert score.number_f1.value == pytest.approx(15 / 16)
    assert score.finding_f1.value == 1
    twice = Speaker(LESIONS, said=lambda s, q, words: f"{words} {words}")
    assert evaluate_report(twice, LESIONS)[0].num_unsupported == 16  # a measurement stands behind one number


def test_a_number_that_is_measured_wrong_is_supported_and_wrong() -> None:
    double = Speaker(LESIONS, said=lambda s, q, words: "Length 99.9 mm.", printed=lambda s, text: measured(text))
    (score,) = evaluate_report(double, LESIONS)
    assert (score.supported.value, score.number_f1.value) == (1, 0)


def test_swapped_words_in_reports() -> None:
    swap = {"oval": "irregular", "irregular": "oval", "benign": "malignant", "malignant": "benign"}
    faulty = Speaker(LESIONS, said=lambda s, q, words: " ".join(swap.get(word.strip("."), word) for word in words.split()))
    (score,) = evaluate_report(faulty, LESIONS)
    assert score.finding_f1.value == pytest.approx(5 / 7)  # shape and class of seven findings are wrong
    assert {d.name: d.macro_f1.value for d in score.descriptors} == {
        "echogenicity": 1,
        "margin": 1,
        "shape": 0,
        "posterior features": 1,
    }
    assert 0.5 < score.text.rouge1 < 1
    assert score.number_f1.value == 1


def test_a_report_of_nothing_is_counted() -> None:
    silent = Speaker(LESIONS, said=lambda s, q, words: "" if s.key == "lesion 0" else words)
    (score,) = evaluate_report(silent, LESIONS)
    assert (score.num_reports, score.text.num_unparsed) == (8, 1)
    assert score.text.rouge1 == pytest.approx(7 / 8)
    assert score.finding_f1.value < 1
    assert [d.num_unread for d in score.descriptors] == [1, 1, 1, 1]


@pytest.mark.parametrize("suite", [evaluate_report, evaluate_vqa, evaluate_wording])
def test_a_dropped_case_is_refused(suite: Callable[..., object]) -> None:
    with pytest.raises(ValueError, match="dropped"):
        suite(Speaker(LESIONS, drop=True), LESIONS)


def test_a_chinese_report_is_compared_by_characters() -> None:
    samples = [replace(LESIONS[0], report="右乳低回声结节，边界清晰。"), LESIONS[1]]  # noqa: RUF001
    said = Speaker(samples, said=lambda s, q, words: words.replace("右", "左"))
    english, chinese = sorted(evaluate_report(said, samples), key=lambda score: score.language)
    assert (english.text.bleu1, chinese.language) == (1, "zh")
    assert chinese.text.bleu1 == pytest.approx(12 / 13)
    assert 0 < chinese.finding_f1.value < 1


def test_answers_of_the_truth() -> None:
    scores = evaluate_vqa(Speaker(EVERYTHING), EVERYTHING)
    told = {(s.dataset, s.kind): (s.num_questions, s.num_unparsed, s.accuracy.value) for s in scores}
    assert {key: value for key, value in told.items() if key[0] == "made"} == {
        ("made", "organ"): (11, 0, 1),
        ("made", "yes or no"): (20, 0, 1),
        ("made", "counting"): (9, 0, 1),
        ("made", "where"): (9, 0, 1),
        ("made", "how big"): (9, 0, 1),
        ("made", "describe"): (8, 0, 1),
        ("made", "single choice"): (8, 0, 1),
    }
    assert {kind for dataset, kind in told if dataset == "asked" and kind.startswith("own")} == {
        "own, single choice",
        "own, yes or no",
        "own, how big",
        "own, describe",
        "own, words",
    }
    assert all(value == 1 for *_, value in told.values())
    assert told["all sets", "yes or no"][0] == 21


def test_reports_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "reports.tsv"
    first = to_card(evaluate_report(Predictions(path, Speaker(EVERYTHING)), EVERYTHING))
    assert to_card(evaluate_report(Predictions(path), EVERYTHING)) == first


def planted(kind: str, text: str) -> Speaker:
    """Gives one text to every question of a kind about the first lesion."""
    return Speaker(
        LESIONS,
        said=lambda s, q, words: text if s.key == "lesion 0" and items_of(s)[q].kind == kind else words,
    )


@pytest.mark.parametrize(
    ("kind", "text", "unparsed"),
    [
        ("organ", "This is a thyroid.", 0),
        ("organ", "Hm.", 1),
        ("yes or no", "Perhaps.", 2),
        ("counting", "There are two of them.", 0),
        ("counting", "There are some.", 1),
        ("where", "In the lower left.", 0),
        ("where", "Over there.", 1),
        ("how big", "99 mm", 0),
        ("how big", "18.3 mm and 99 mm", 0),
        ("how big", "12.8 mm", 0),
        ("how big", "It is small.", 1),
        ("describe", "Spiculated and hyperechoic.", 0),
        ("describe", "It looks odd.", 1),
        ("single choice", "Z.", 1),
        ("single choice", "I do not know.", 1),
    ],
)
def test_a_wrong_answer_costs_its_kind_and_no_other(kind: str, text: str, unparsed: int) -> None:
    for score in evaluate_vqa(planted(kind, text), LESIONS):
        if score.kind != kind:
            assert score.accuracy.value == 1
            continue
        lost = (score.num_questions - sum(case.worth for case in score.cases)) if kind != "yes or no" else 2
        assert (lost, score.num_unparsed) == (unparsed or 1, unparsed)
        assert score.accuracy.value == pytest.approx(1 - lost / score.num_questions)


def test_swapped_answers_are_all_wrong() -> None:
    swapped = Speaker(LESIONS, said=lambda s, q, words: {"Y": "No.", "N": "Yes."}.get(words[0], words))
    told = {s.kind: s.accuracy.value for s in evaluate_vqa(swapped, LESIONS)}
    assert told["yes or no"] == 0
    assert told["counting"] == 1


def test_short_answers_are_read() -> None:
    assert [count_of(text) for text in ("Two", "none", "No lesion", "3 cysts", "There is one.", "12.5 mm", "")] == [
        2,
        0,
        0,
        3,
        1,
        None,
        None,
    ]
    places = ("In the upper left [SEG].", "top right", "lower centre", "bottom middle", "centre", "middle left", "nowhere")
    assert [place_of(text) for text in places] == [
        "upper left",
        "upper right",
        "lower centre",
        "lower centre",
        "centre",
        "left",
        None,
    ]
    options = ("circumscribed", "not circumscribed", "a cyst")
    chosen = {
        "B. not circumscribed": 1,
        "b": 1,
        "(C)": 2,
        "The answer is A.": 0,
        "Not circumscribed.": 1,
        "A cyst": 2,
        "A. not circumscribed": None,
        "circumscribed or a cyst": None,
        "D": None,
        "": None,
    }
    assert {text: choice_of(text, options) for text in chosen} == chosen
    truth = "The cyst measures 14.2 mm by 9.8 mm."
    assert [judge_size(text, truth) for text in ("1.4 cm", "14 mm x 9.5 mm", "9.8 mm", "14.2 mm by 20 mm", "big")] == [
        1,
        1,
        0,
        0,
        None,
    ]
    assert [judge_organ(text, "This is the neck.") for text in ("a neck", "neck or breast", "a picture")] == [1, 0, None]


def test_questions_depend_on_the_sample_alone(tmp_path: Path) -> None:
    path = tmp_path / "answers.tsv"
    first = evaluate_vqa(Predictions(path, Speaker(EVERYTHING)), EVERYTHING)
    again = evaluate_vqa(Predictions(path), EVERYTHING[::-1])
    assert {(s.dataset, s.kind, s.accuracy.value) for s in again} == {(s.dataset, s.kind, s.accuracy.value) for s in first}
    assert list(items_of(LESIONS[0])) != list(items_of(replace(LESIONS[0], key="another")))
    with pytest.raises(MissingPredictionError):
        evaluate_vqa(Predictions(path), [shown("new", [(1, 1, 30, 30)])])


class Deaf(Speaker):
    """Hears the plain name in whatever is asked, but for some words.

    Args:
        samples: Images that it will be shown.
        faults: From wording to what its mask becomes.
    """

    def __init__(self, samples: Sequence[Sample], faults: Callable[[str, np.ndarray], np.ndarray] = lambda words, m: m) -> None:
        super().__init__(
            samples,
            masks=lambda sample, words: faults(words, masks_of(sample, sample.structures[0].name)),
            there=lambda sample, words: 0.9,
        )


def test_twenty_wordings() -> None:
    for name in SCORED:
        kinds = list(wordings_of(name, LESIONS[0]).values())
        assert [kinds.count(kind) for kind in (TRAINED, FRAME, UNSEEN)] == [8, 6, 6], name
        assert name not in wordings_of(name, LESIONS[0])
    trained = {wording for name in WORDINGS for wording in (name, *trained_wordings(name))}
    for name in NEW:
        unseen = {words for words, kind in wordings_of(name, LESIONS[0]).items() if kind != TRAINED}
        assert not unseen & trained
    assert wordings_of("breast lesion", LESIONS[0]).keys() != wordings_of("breast lesion", LESIONS[1]).keys()


def test_wordings_that_change_nothing() -> None:
    scores = evaluate_wording(Deaf(LESIONS), LESIONS)
    assert [(s.kind, s.num_images, s.num_left_out, s.num_asked, s.same.value) for s in scores] == [
        (TRAINED, 8, 0, 64, 1),
        (FRAME, 8, 0, 48, 1),
        (UNSEEN, 8, 0, 48, 1),
    ]
    assert scores[0].same.num_groups == 4


def test_an_unseen_wording_that_gives_another_mask() -> None:
    def shifted(words: str, masks: np.ndarray) -> np.ndarray:
        return np.roll(masks, 15, 2) if words == "lump in the breast" else masks

    def lost(words: str, masks: np.ndarray) -> np.ndarray:
        return masks[:0] if words == "lump in the breast" else masks

    trained, frame, unseen = evaluate_wording(Deaf(LESIONS, shifted), LESIONS)
    assert (trained.same.value, frame.same.value, unseen.same.value) == (1, 1, pytest.approx(5 / 6))
    assert 5 / 6 < unseen.dice.value < 1
    assert unseen.num_lost == 0
    unseen = evaluate_wording(Deaf(LESIONS, lost), LESIONS)[2]
    assert (unseen.num_lost, unseen.dice.value) == (8, pytest.approx(5 / 6))


def test_only_good_plain_answers_are_kept() -> None:
    def misled(words: str, masks: np.ndarray) -> np.ndarray:
        return np.roll(masks, 40, 2) if masks[0, 20, 45] else masks  # the two largest lesions

    scores = evaluate_wording(Deaf(LESIONS, misled), LESIONS)
    assert [(s.num_images, s.num_left_out) for s in scores] == [(6, 2)] * 3
    blind = evaluate_wording(Deaf(LESIONS, lambda words, masks: masks[:0]), LESIONS)
    assert [(s.num_images, s.num_left_out, s.num_asked) for s in blind] == [(0, 8, 0)] * 3
    assert math.isnan(blind[0].same.value)


def test_cards_and_tables() -> None:
    oracle, deaf = Speaker(EVERYTHING), Deaf(LESIONS)
    for suite, model, samples, make in (
        (evaluate_report, oracle, EVERYTHING, report_tables),
        (evaluate_vqa, oracle, EVERYTHING, vqa_table),
        (evaluate_wording, deaf, LESIONS, wording_table),
    ):
        card = json.loads(json.dumps(to_card(suite(model, samples)), allow_nan=False))
        lines = make(card).splitlines()
        rows = [line for line in lines if line.startswith("| made")]
        assert rows
        assert "cases" not in card[0]
        heading = lines[2].count("|")
        assert all(line.count("|") == heading for line in lines[2 : 4 + len(card)])
    none = evaluate_wording(Deaf(LESIONS, lambda words, masks: masks[:0]), LESIONS)
    assert "n/a" in wording_table(to_card(none))
