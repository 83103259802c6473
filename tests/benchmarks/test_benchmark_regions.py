"""Leaving a region out: what training is told, and what scoring makes of two models."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from benchmarks.images import Images
from benchmarks.regions import back, score, train
from benchmarks.regions.region import REGIONS, Region
from benchmarks.regions.words import evaluate_words
from benchmarks.side_by_side import kept_table, regions_table, words_table
from benchmarks.tables import figures_in_short, figures_of
from umind.data.phantom import phantom_sample
from umind.data.prepare import prepare
from umind.data.store import Store
from umind.evaluation.card import to_card
from umind.evaluation.interview import Portion
from umind.evaluation.report import reference_of
from umind.evaluation.suites import Together
from umind.evaluation.truth import is_outlined
from umind.evaluation.vqa import items_of
from umind.geometry.frame import FrameMap
from umind.predictor import UMindVL
from umind.schema.result import Answer, Classification, Report, Segmentation


def told(words: list[str]) -> dict[str, object]:
    """Options of a call, by name, read back from JSON; paths stand there as they are."""
    given = [word.removeprefix("--").split("=", 1) for word in words if "=" in word]
    return {name: value if value.startswith("/") else json.loads(value) for name, value in given}


def test_training_without_a_region_neither_shows_nor_names_it(tmp_path: Path) -> None:
    whole, without = (told(train.words(name, tmp_path / "stores", tmp_path, 40)) for name in ("whole", "breast"))
    assert set(whole["data.weights"]) - set(without["data.weights"]) == set(REGIONS["breast"].sets)
    assert (whole["data.unheard"], without["data.unheard"]) == ([], ["breast lesion", "breast"])
    assert without["data.num_samples"] == 40 * 16
    same = [name for name in whole if name.startswith(("model.", "data.")) and name not in ("data.weights", "data.unheard")]
    assert {name: whole[name] for name in same} == {name: without[name] for name in same}
    assert (whole["trainer.max_steps"], without["trainer.max_steps"]) == (40, 40)


def test_all_go_on_from_a_start_that_saw_no_region(tmp_path: Path) -> None:
    start, whole = (told(train.words(name, tmp_path / "stores", tmp_path, 40)) for name in ("start", "whole"))
    shown = set(whole["data.weights"]) - set(start["data.weights"])
    assert shown == {place for region in REGIONS.values() for place in region.sets}
    assert set(start["data.unheard"]) == {word for region in REGIONS.values() for word in region.unheard}
    assert whole["model.init"] == f"{start['trainer.default_root_dir']}/model"


def test_training_goes_on_where_it_was(tmp_path: Path) -> None:
    (tmp_path / "head" / "checkpoints").mkdir(parents=True)
    assert "--ckpt_path" not in train.words("head", tmp_path, tmp_path, 40)
    last = tmp_path / "head" / "checkpoints" / "last.ckpt"
    last.touch()
    assert train.words("head", tmp_path, tmp_path, 40)[-2:] == ["--ckpt_path", str(last)]


@pytest.mark.filterwarnings("ignore:images and masks names no patients", "ignore:my_scans has no splits.csv")
def test_a_region_comes_back_by_the_recipe_for_an_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = [sample for sample in SAMPLES if is_outlined(sample, REGION.phrase)]
    images = type("Images", (), {"portions": {"phantom": Portion(shown)}})
    calls: list[list[str]] = []
    monkeypatch.setattr(back, "REGIONS", {"ovary": REGION})
    monkeypatch.setattr(back, "open_images", lambda folder, split, with_twins: images if split == "train" else None)
    monkeypatch.setattr(back, "run", lambda subcommand, words: calls.append(words))
    monkeypatch.setattr(back, "NUM_PHANTOMS", 2)
    monkeypatch.setattr(back, "prepare", partial(prepare, num_val_phantoms=1, num_examples=20))
    back.main(["ovary", "--data", "x", "--out", str(tmp_path)])
    words = told(calls[0])
    assert (words["model.init"], words["trainer.default_root_dir"]) == (f"{tmp_path}/ovary/model", f"{tmp_path}/ovary-back")
    folder = tmp_path / "ovary-back"
    masks = sorted((folder / "scans" / "my_scans" / "masks").iterdir())
    assert len(masks) == len(shown)
    found = Store(folder / "stores" / "my_scans-train")
    assert {name for facts in found.facts for name, _, _ in facts.structures} == {REGION.phrase}


class Knowing:
    """Outlines the truth of one word, and everything else for every other.

    Args:
        word: What it knows.
    """

    def __init__(self, word: str) -> None:
        self.word = word

    def encode(self, images, /):
        return list(images)

    def segment(self, images, phrases, /, *, threshold=None):
        truths = {sample.image.name: sample.structures[0].masks[0] for sample in SAMPLES}
        results = []
        for image, phrase in zip(images, phrases, strict=True):
            sign = 1 if phrase == self.word else -1
            logits = sign * np.where(truths[image.name], 9, -9)[None].astype(np.float32)
            frame = FrameMap.letterbox(image.height, image.width, max(image.height, image.width))
            results.append(Segmentation(logits, frame=frame, scores=np.ones(1, np.float32), presence=0.1, phrase=phrase))
        return results


SAMPLES = [
    replace(sample, image=replace(sample.image, name=sample.key))
    for sample in map(phantom_sample, range(12))
    if len(sample.structures) == 1 and is_outlined(sample, sample.structures[0].name)
]
REGION = Region(("phantom",), SAMPLES[0].structures[0].name, (), kin="lesion")


def test_scores_tell_words_apart() -> None:
    shown = Together([Portion([sample for sample in SAMPLES if is_outlined(sample, REGION.phrase)])])
    own, kin = score.evaluate(Knowing(REGION.phrase), shown, "phantom", REGION, "without")
    assert (own.word, kin.word) == REGION.words
    assert own.num_images == len(list(shown)) > 0
    assert own.dice.value == 1
    assert kin.dice.value == 0
    card = {"split": "val", "regions": to_card([replace(own, trained="with"), replace(kin, trained="with"), own, kin])}
    table = regions_table(card)
    assert f"| phantom | {own.num_images} | {REGION.phrase} | 1.000" in table
    assert "phantom without as lesion dice 0.000" in figures_in_short(card)


class Speaking:
    """Says what is true of every image, or nothing that is.

    Args:
        right: Which.
    """

    def __init__(self, right: bool) -> None:
        self.right = right

    def encode(self, images, /):
        return list(images)

    def ask(self, images, questions, /):
        samples = (BY_NAME[image.name] for image in images)
        texts = (items_of(sample)[question].answer for sample, question in zip(samples, questions, strict=True))
        return [Answer(text if self.right else "Who can tell?", evidence=(), presence=1.0) for text in texts]

    def report(self, images, /):
        texts = (reference_of(BY_NAME[image.name]) if self.right else "Who can tell?" for image in images)
        return [Report(text, findings=(), measurements=(), evidence=(), presence=1.0) for text in texts]

    def classify(self, images, phrases, options, *, threshold):
        truths = [BY_NAME[image.name].structures[0].attributes["class"] for image in images]
        chances = [np.array([(option == truth) == self.right for option in options], float) for truth in truths]
        return [Classification(options, probabilities=p, presence=1.0, label=None, phrase="x") for p in chances]


LESIONS = [
    replace(sample, image=replace(sample.image, name=sample.key))
    for sample in (phantom_sample(seed, scene="lesions") for seed in range(16))
    if [structure.name for structure in sample.structures] == ["solid lesion"]
]
BY_NAME = {sample.image.name: sample for sample in (*SAMPLES, *LESIONS)}


def test_words_with_and_without_a_region_are_paired() -> None:
    shown = Together([Portion(LESIONS)])
    scores = {found.figure: found for found in evaluate_words(Speaking(right=True), Speaking(right=False), shown, "ovary")}
    questions = [item.kind for sample in LESIONS for item in items_of(sample).values()]
    assert {kind: scores[f"answers, {kind}"].num_cases for kind in questions} == Counter(questions)
    kinds = {"reports, findings F1, phantom", "reports, margin macro F1, phantom"}
    assert kinds | {f"solid lesion, 2 classes, {name}" for name in ("macro F1", "AUROC")} < scores.keys()
    for name, found in scores.items():
        assert found.seen == 1, name
        assert found.unseen == 0, name
        assert found.difference.value == found.difference.lower == 1, name
    card = {"split": "val", "words": to_card(list(scores.values()))}
    row = f"| ovary: answers, where | {questions.count('where')} | 1.000 | 0.000 | 1.000 (1.000 to 1.000) |"
    assert row in words_table(card)
    assert words_table(card) in figures_of({"regions-test": card | {"regions": [], "kept": {}}})


def test_models_that_were_asked_different_questions_are_not_compared() -> None:
    first, second = ([sample] for sample in SAMPLES[:2])
    shown = iter((first, second) * 9)

    class Changing:
        def __iter__(self):
            return iter(next(shown))

    with pytest.raises(ValueError, match="head: the two models were asked different questions"):
        evaluate_words(Speaking(right=True), Speaking(right=True), Changing(), "head")


def test_what_an_adapter_forgot_shows() -> None:
    known = [
        replace(sample, key=str(place), dataset="old", structures=(replace(sample.structures[0], name="breast lesion"),))
        for place, sample in enumerate(SAMPLES)
    ]
    images = Images("val", None, False, {"old": Portion(known), "phantom": Portion(SAMPLES)})
    (lost,) = score.abilities(Knowing("ovarian mass"), Knowing("breast lesion"), images, REGION)
    assert (lost.dataset, lost.phrase, lost.num_images) == ("old", "breast lesion", len(SAMPLES))
    assert lost.difference.value == pytest.approx(lost.first - lost.second)
    assert lost.difference.upper < -0.3
    card = {"split": "val", "kept": {"phantom": to_card([lost])}}
    row = f"| old | breast lesion | {len(SAMPLES)} | {lost.second:.3f} | {lost.first:.3f} |"
    assert row in kept_table(card, "phantom")


def test_the_script_reads_models_and_writes_a_card(
    random_umind: UMindVL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("whole", "phantom"):
        random_umind.save_pretrained(tmp_path / "models" / name / "model")
    portion = Portion([sample for sample in SAMPLES if is_outlined(sample, REGION.phrase)][:2])
    images = type("Images", (), {"portions": {"phantom": portion}, "facts": {"split": "test", "limit": None}})
    monkeypatch.setattr(score, "REGIONS", {"phantom": REGION})
    monkeypatch.setattr(score, "open_images", lambda folder, split, limit: images)
    score.main(["--data", "x", "--models", str(tmp_path / "models"), "--split", "test", "--results", str(tmp_path)])
    card = json.loads((tmp_path / "regions-test.json").read_text())
    assert [row["trained"] for row in card["regions"]] == ["with"] * 2 + ["without"] * 2
    assert {row["region"] for row in card["words"]} == {"phantom"}
    assert all(row["seen"] == row["unseen"] for row in card["words"]), "both models are the same"
    assert (tmp_path / "test_runs.csv").read_text().count("phantom without as lesion") == 1
    said = capsys.readouterr().out
    assert "One region left out: mean Dice" in said
    assert "One region left out: words, test split" in said
