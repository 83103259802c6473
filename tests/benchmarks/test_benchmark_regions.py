"""Leaving a region out: what training is told, and what scoring makes of two models."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.regions import score, train
from benchmarks.regions.region import REGIONS, Region
from benchmarks.side_by_side import regions_table
from benchmarks.tables import figures_in_short
from umind.data.phantom import phantom_sample
from umind.evaluation.card import to_card
from umind.evaluation.interview import Portion
from umind.evaluation.suites import Together
from umind.evaluation.truth import is_outlined
from umind.geometry.frame import FrameMap
from umind.predictor import UMindVL
from umind.schema.result import Segmentation


def told(words: list[str]) -> dict[str, object]:
    """Options of a call, by name, read back from JSON."""
    given = [word.removeprefix("--").split("=", 1) for word in words if "=" in word]
    return {name: json.loads(value) for name, value in given}


def test_training_without_a_region_neither_shows_nor_names_it(tmp_path: Path) -> None:
    whole, without = (told(train.words(name, tmp_path / "stores", tmp_path / "run", 40)) for name in (None, "breast"))
    assert set(whole["data.weights"]) - set(without["data.weights"]) == set(REGIONS["breast"].sets)
    assert (whole["data.unheard"], without["data.unheard"]) == ([], ["breast lesion", "breast"])
    assert without["data.num_samples"] == 40 * 16
    same = whole.keys() - {"data.weights", "data.unheard"}
    assert {name: whole[name] for name in same} == {name: without[name] for name in same}


def test_training_goes_on_where_it_was(tmp_path: Path) -> None:
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    assert "--ckpt_path" not in train.words("head", tmp_path, tmp_path / "run", 40)
    last = tmp_path / "run" / "checkpoints" / "last.ckpt"
    last.touch()
    assert train.words("head", tmp_path, tmp_path / "run", 40)[-2:] == ["--ckpt_path", str(last)]


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
        assert threshold == 0
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
    own, kin = score.evaluate(Knowing(REGION.phrase), shown, "phantom", REGION, seen=False)
    assert (own.word, kin.word) == REGION.words
    assert own.num_images == len(list(shown)) > 0
    assert own.dice.value == 1
    assert kin.dice.value == 0
    card = {"split": "val", "regions": to_card([replace(own, seen=True), replace(kin, seen=True), own, kin])}
    table = regions_table(card)
    assert f"| phantom | {own.num_images} | {REGION.phrase} | 1.000" in table
    assert "phantom unseen as lesion dice 0.000" in figures_in_short(card)


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
    assert [(row["region"], row["seen"]) for row in card["regions"]] == [("phantom", True)] * 2 + [("phantom", False)] * 2
    assert (tmp_path / "test_runs.csv").read_text().count("phantom unseen as lesion") == 1
    assert "One region left out" in capsys.readouterr().out
