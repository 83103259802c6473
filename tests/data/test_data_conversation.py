"""Questions and answers: nothing is said that the annotation does not support."""

import re
from dataclasses import replace

import numpy as np
import pytest

from umind.data.conversation import DESCRIPTORS, NUMBERS, Finding, questions, sentences, where
from umind.data.examples import MIN_PIXELS, observe, task_tokens
from umind.data.labelled import Facts, Labelled, labelled
from umind.data.phantom import phantom_sample
from umind.data.wording import FOCAL, WORDINGS, plural

SIZE = 96


def block(top: int, left: int, height: int = 10, width: int = 10) -> np.ndarray:
    mask = np.zeros((SIZE, SIZE), bool)
    mask[top : top + height, left : left + width] = True
    return mask


def view_of(
    *structures: tuple[str, list[np.ndarray], dict[str, str]], absent: tuple[str, ...] = (), organ: str = "breast"
) -> Labelled:
    labels, number = np.zeros((SIZE, SIZE), np.uint8), 0
    for _, masks, _ in structures:
        for mask in masks:
            number += 1
            labels[mask] = number
    known = tuple((name, len(masks), attributes) for name, masks, attributes in structures)
    facts = Facts("s", "train", "k", "k", organ, known, absent, {})
    return Labelled(np.zeros((SIZE, SIZE), np.uint8), labels, facts)


def phantom_views(num: int) -> list[Labelled]:
    return [labelled(phantom_sample(seed, size=96), 96) for seed in range(num)]


def test_observe_reads_instances_largest_first() -> None:
    small, large = block(0, 0, 6, 6), block(40, 40, 20, 20)
    scene = observe(view_of(("cyst", [small, large], {"shape": "round"}), absent=("fetal head",)))
    assert [f.name for f in scene.findings] == ["cyst"]
    np.testing.assert_array_equal(scene.findings[0].masks, [large, small])
    assert scene.findings[0].attributes == {"shape": "round"}
    assert scene.absent == ("fetal head",)
    assert scene.masks("fetal head").shape == (0, SIZE, SIZE)


def test_what_is_cut_off_is_neither_present_nor_absent() -> None:
    sliver = block(0, 0, 1, MIN_PIXELS - 1)
    scene = observe(view_of(("breast lesion", [sliver], {}), absent=("breast lesion", "fetal head", "ovarian mass")))
    assert scene.findings == ()
    assert scene.absent == ("fetal head", "ovarian mass")  # and not "lesion", which the sliver may be
    assert scene.finding("lesion") is None
    kept = observe(view_of(("breast lesion", [sliver, block(50, 50)], {})))
    assert len(kept.findings[0].masks) == 1


def test_lesion_is_every_focal_structure_together() -> None:
    cyst, solid, head = block(0, 0, 8, 8), block(30, 30, 20, 20), block(60, 60, 30, 30)
    scene = observe(view_of(("cyst", [cyst], {"shape": "round"}), ("solid lesion", [solid], {}), ("fetal head", [head], {})))
    union = scene.finding("lesion")
    assert union is not None
    np.testing.assert_array_equal(union.masks, [solid, cyst])
    assert union.attributes == {}  # of which of the two would they be?
    only = observe(view_of(("cyst", [cyst], {"shape": "round"}))).finding("lesion")
    assert only is not None
    assert only.attributes == {"shape": "round"}


def test_no_lesion_where_every_focal_structure_is_known_absent() -> None:
    assert "lesion" in observe(view_of(absent=("breast lesion",))).absent
    assert "lesion" not in observe(view_of(absent=("fetal head", "carotid artery"))).absent
    assert "lesion" not in observe(view_of(("cyst", [block(4, 4)], {}), absent=("breast lesion",))).absent


@pytest.mark.parametrize(
    ("top", "left", "place"),
    [(2, 2, "upper left"), (2, 43, "upper centre"), (43, 84, "right"), (43, 43, "centre"), (84, 2, "lower left")],
)
def test_where_follows_a_flip(top: int, left: int, place: str) -> None:
    mask = block(top, left)
    assert where(mask) == place
    swapped = {"left": "right", "right": "left"}
    assert where(mask[:, ::-1]) == " ".join(swapped.get(word, word) for word in place.split())


@pytest.mark.parametrize("count", [1, 2, 8, 9, 30])
def test_count_words(count: int) -> None:
    masks = np.stack([block(3 * (k // 6), 15 * (k % 6), 2, 12) for k in range(count)])
    finding = Finding("cyst", masks, {})
    rng = np.random.default_rng(0)
    answers = [
        turn.answer
        for turn in questions("breast", (finding,), ("ovary",), {}, rng)
        if turn.question.startswith(("how many", "count"))
    ]
    word = NUMBERS[count] if count <= 8 else "more than eight"
    assert answers == [word, "none"]
    report = sentences("breast", (finding,), (), {}).answer
    assert f"{word} {'cyst' if count == 1 else 'cysts'} [SEG]" in report


def test_every_task_token_has_a_target_that_is_there() -> None:
    for seed, view in enumerate(phantom_views(60)):
        scene, rng = observe(view), np.random.default_rng(seed)
        known = [scene.findings, *([(scene.finding("lesion"),)] if scene.finding("lesion") else [])]
        turns = [t for findings in known for t in questions("phantom", findings, scene.absent, {}, rng)]
        turns.append(sentences("phantom", scene.findings, scene.absent, {}))
        for turn in turns:
            assert len(task_tokens(turn.answer)) == len(turn.targets)
            assert all(len(scene.masks(name)) for name in turn.targets)


def phrases_of(name: str) -> set[str]:
    return {form for phrase in WORDINGS.get(name, (name,)) for form in (phrase, plural(phrase))}


def asks_for(question: str, names: tuple[str, ...]) -> bool:
    return any(re.search(rf"\b{re.escape(p)}\b", question) for name in names for p in phrases_of(name))


def test_nothing_absent_is_affirmed() -> None:
    negatives = {"no", "not in this image", "none"}
    asked = 0
    for seed, view in enumerate(phantom_views(60)):
        scene, rng = observe(view), np.random.default_rng(seed)
        there = tuple(f.name for f in scene.findings) + (("lesion",) if scene.finding("lesion") else ())
        for turn in questions(view.facts.organ, scene.findings, scene.absent, {}, rng):
            if any(key in turn.question for key in DESCRIPTORS):
                assert turn.answer in {v for f in scene.findings for v in f.attributes.values()}
            elif turn.answer in negatives:
                asked += 1
                exact = re.sub(r"^(is there a|do you see a|is a|any|how many|count the|where is the) ", "", turn.question)
                exact = re.sub(r"( present)?(, and where)?\??$", "", exact)
                name = next(n for n in WORDINGS if exact in phrases_of(n) | {plural(p) for p in phrases_of(n)})
                assert name in scene.absent
                assert name not in there
            elif asks_for(turn.question, scene.absent):
                assert asks_for(turn.question, there)  # "lesion" stands in "solid lesion"
        report = sentences(view.facts.organ, scene.findings, scene.absent, {})
        said = report.answer.replace("no lesion seen.", "")
        for name in set(scene.absent) - {"lesion", view.facts.organ}:
            assert name not in said
    assert asked > 200


def test_report_does_not_deny_a_lesion_that_the_view_cuts_off() -> None:
    scene = observe(view_of(("breast lesion", [block(0, 0, 1, 20)], {})))
    assert "no breast lesion" not in sentences("breast", scene.findings, scene.absent, {}).answer


def test_report_of_a_normal_breast() -> None:
    scene = observe(view_of(absent=("breast lesion",)))
    assert sentences("breast", scene.findings, scene.absent, {}).answer == "breast ultrasound. no breast lesion seen."


def test_report_says_what_the_annotation_says() -> None:
    attributes = {"shape": "oval", "echogenicity": "hypoechoic", "margin": "circumscribed", "class": "benign"}
    scene = observe(view_of(("breast lesion", [block(2, 2)], attributes)))
    report = sentences("breast", scene.findings, scene.absent, {})
    assert report.answer == (
        "breast ultrasound. one hypoechoic oval breast lesion [SEG] in the upper left. margin circumscribed. "
        "longest diameter [MEAS], perpendicular diameter [MEAS]. assessment: benign."
    )
    assert report.targets == ("breast lesion",) * 3


def test_report_tells_margin_posterior_features_and_calcifications() -> None:
    attributes = {"margin": "ill defined", "posterior features": "no", "calcifications": "microcalcifications"}
    scene = observe(view_of(("thyroid nodule", [block(2, 2)], attributes)))
    assert sentences("thyroid", scene.findings, scene.absent, {}).answer == (
        "thyroid ultrasound. one thyroid nodule [SEG] in the upper left. margin ill defined. no posterior features. "
        "microcalcifications. longest diameter [MEAS], perpendicular diameter [MEAS]."
    )
    attributes = {"posterior features": "shadowing", "calcifications": "in a mass"}
    scene = observe(view_of(("breast lesion", [block(2, 2)], attributes)))
    assert "posterior features shadowing. calcifications in a mass." in sentences("breast", scene.findings, (), {}).answer


CO_VISIBLE = {
    "BUSBRA": {"breast lesion", "cyst", "solid lesion", "lesion", "vessel", "nerve"},
    "HC18": {"fetal head", "vessel", "nerve", "cyst", "ovary"},
    "MMOTU_2D": {"ovarian mass", "ovary", "cyst", "solid lesion", "lesion", "vessel"},
    "DDTI": {"thyroid nodule", "thyroid gland", "carotid artery", "vessel", "nerve", "cyst", "solid lesion", "lesion"},
    "USGRA": {"nerve", "vessel", "carotid artery", "thyroid gland", "thyroid nodule", "cyst", "lesion"},
    "Liver_lesions": {"liver lesion", "vessel", "cyst", "solid lesion", "lesion"},
    "POCUS": {"vessel", "nerve", "cyst", "solid lesion", "lesion"},
}
CO_VISIBLE |= {"Dataset_BUSI_with_GT": CO_VISIBLE["BUSBRA"], "BrEaST": CO_VISIBLE["BUSBRA"]}
CO_VISIBLE |= {"TG3K": CO_VISIBLE["DDTI"], "CCAUS": CO_VISIBLE["DDTI"]}
CO_VISIBLE |= {"UDIAT": CO_VISIBLE["BUSBRA"], "TN3K": CO_VISIBLE["DDTI"], "CUBS": CO_VISIBLE["DDTI"]}
CO_VISIBLE |= {name: {"fetal head", "ovarian mass", "ovary", "vessel", "nerve", "cyst"} for name in ("PSFHS", "JNU-IFM")}
CO_VISIBLE |= {name: {"liver lesion", "vessel", "cyst", "lesion"} for name in ("CAMUS", "EchoNet-Dynamic")}
CO_VISIBLE |= {"FM_UIA": set(WORDINGS)}  # of many organs


def test_negatives_are_never_anatomy_that_may_be_seen() -> None:
    from umind.data.adapters.absence import ABSENT

    assert set(ABSENT) == set(CO_VISIBLE)
    for name, absent in ABSENT.items():
        assert set(absent).isdisjoint(CO_VISIBLE[name]), name
        assert set(absent) <= set(WORDINGS), name


def test_a_view_never_denies_what_it_shows() -> None:
    for view in phantom_views(60):
        scene = observe(replace(view, facts=replace(view.facts, absent=view.facts.absent)))
        assert {f.name for f in scene.findings}.isdisjoint(scene.absent)
        assert not ("lesion" in scene.absent and any(f.name in FOCAL for f in scene.findings))
