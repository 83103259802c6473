"""A specialist that names classes: it learns what can be seen, and is scored with the suite that scores umind-tiny."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from peer_scenes import SIZE, drawn
from torch import Tensor, nn

from benchmarks.peers import classes
from benchmarks.peers.classes import Named, NamedViews, Namers
from benchmarks.peers.fit import BATCH
from benchmarks.side_by_side import classes_table
from umind.data.store import Store
from umind.evaluation.interview import Portion
from umind.schema.image import UltrasoundImage
from umind.schema.sample import Sample

OPTIONS = ("benign", "malignant", "uncertain")
DARK = {"benign": 0, "malignant": 60, "uncertain": 120}


def of_class(seed: int, split: str) -> Sample:
    """A breast whose brightness tells the class of its lesion."""
    sample = drawn(seed, split=split, count=1)
    kind = OPTIONS[seed % 3]
    lesion = replace(sample.structures[0], attributes={"class": kind})
    pixels = sample.image.pixels // 2 + DARK[kind]
    return replace(sample, image=UltrasoundImage(pixels.astype(np.uint8), name=sample.key), structures=(lesion,))


class Brightness(nn.Module):
    """Sees the mean of the image alone, and so learns in a few steps."""

    def __init__(self, num_classes: int, *, imagenet: bool) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(3, num_classes)

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits."""
        logits: Tensor = self.head(self.encoder(pixels))
        return logits


@pytest.fixture(scope="module")
def named_stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One set in three classes; one image has no lesion."""
    folder = tmp_path_factory.mktemp("named")
    for split, first in (("train", 0), ("val", 100)):
        samples = [*(of_class(seed, split) for seed in range(first, first + 12)), drawn(first + 50, split=split, count=0)]
        Store.write(folder / f"MMOTU_2D-{split}", samples, len(samples), SIZE)
    return folder


def test_views_are_of_images_with_a_class(named_stores: Path) -> None:
    named = Named([Store(named_stores / "MMOTU_2D-train")], "breast lesion")
    assert [kind for _, _, kind in named.classes] == [OPTIONS[seed % 3] for seed in range(12)]
    views = NamedViews(named, OPTIONS, size=SIZE, seed=0)
    seen = [views[index] for index in range(30)]
    assert {label for _, label in seen} == {0, 1, 2}
    assert all(np.array_equal(first, views[index][0]) for index, (first, _) in enumerate(seen))


def test_a_classifier_is_trained_and_scored(
    named_stores: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = Portion([of_class(seed, "test") for seed in range(200, 209)])
    images = type("Images", (), {"portions": {"MMOTU_2D": shown}, "facts": {"split": "test", "limit": None}})
    monkeypatch.setattr(classes, "open_images", lambda folder, split: images)
    monkeypatch.setattr(classes, "ORGANS", {"ovary": replace(classes.ORGANS["ovary"], phrase="breast lesion")})
    monkeypatch.setattr(classes, "Namer", Brightness)
    sizes = ["--samples", str(60 * BATCH), "--size", str(SIZE), "--workers", "0"]
    settings = [*sizes, "--random-weights", "--rate", "0.1", "0.3"]
    places = ["--stores", str(named_stores), "--data", "x", "--out", str(tmp_path / "runs"), "--results", str(tmp_path)]
    classes.main(["--split", "test", *settings, *places])
    card = json.loads((tmp_path / "classes-ovary-test.json").read_text())
    (score,) = card["diagnosis"]
    assert score["counts"] == dict.fromkeys(OPTIONS, 3)
    assert score["macro_f1"]["value"] > 0.6
    assert card["candidates"][f"{card['rate']:g}"] == max(card["candidates"].values())
    assert "classes-ovary" in (tmp_path / "test_runs.csv").read_text()
    assert "written" in capsys.readouterr().out


def test_other_options_are_refused() -> None:
    namers = Namers(classes.Namer(2, imagenet=False).eval(), ("benign", "malignant"), SIZE)
    seen = namers.encode([drawn(0).image])
    assert namers.classify(seen, ["breast lesion"], ("benign", "malignant"))[0].probabilities.sum() == pytest.approx(1)
    with pytest.raises(ValueError, match="tells benign, malignant apart"):
        namers.classify(seen, ["breast lesion"], ("malignant", "benign"))


def test_both_stand_side_by_side() -> None:
    interval = {"value": 0.25, "lower": 0.2, "upper": 0.3}
    score = {"dataset": "MMOTU_2D", "structure": "ovarian mass", "counts": {"a": 2, "b": 3}, "auroc": interval}
    ours = {"model": "umind-tiny", "diagnosis": [score | {"macro_f1": interval}]}
    theirs = {"num_samples": 7, "split": "test", "diagnosis": [score | {"macro_f1": interval | {"value": 0.5}}]}
    written = classes_table(ours, theirs)
    assert "7 views of that organ" in written
    assert "| MMOTU_2D, ovarian mass | 5 | 0.250 (0.200 to 0.300) | 0.500 (0.200 to 0.300) |" in written
    with pytest.raises(StopIteration):
        classes_table({"model": "x", "diagnosis": []}, theirs)
