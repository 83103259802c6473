"""Paired differences against a case worked by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.images import Images
from benchmarks.peers import compare
from benchmarks.side_by_side import comparison_table
from umind.evaluation.interview import Portion
from umind.evaluation.predictions import Predictions
from umind.evaluation.segmentation import OutlineGap, SegmentationCase, SegmentationScore, evaluate_segmentation, summarise
from umind.geometry.frame import FrameMap
from umind.schema.image import UltrasoundImage
from umind.schema.result import Segmentation
from umind.schema.sample import Sample, Structure

FIRST = {"a": 0.8, "b": 0.6, "c": 1.0, "d": 0.4}
SECOND = {"d": 0.4, "c": 0.6, "b": 0.7, "a": 0.5}
PATIENTS = {"a": "p", "b": "p", "c": "q", "d": "r"}


def scored(dices: dict[str, float], *, dataset: str = "BUSBRA", phrase: str = "breast lesion") -> SegmentationScore:
    gap = OutlineGap(1.0, 1.0)
    cases = [
        SegmentationCase(dataset, phrase, key, PATIENTS[key], value, value / (2 - value), gap, None, value > 0, 1, 1)
        for key, value in dices.items()
    ]
    return summarise(dataset, cases, [])


def test_the_numbers_are_those_worked_by_hand() -> None:
    (row,) = compare.compare([scored(FIRST)], [scored(SECOND)])
    assert (row.dataset, row.phrase, row.num_images) == ("BUSBRA", "breast lesion", 4)
    assert (row.num_better, row.num_worse) == (2, 1)
    assert row.first == pytest.approx(2.8 / 4)
    assert row.second == pytest.approx(2.2 / 4)
    assert row.difference.value == pytest.approx(0.6 / 4)
    assert row.difference.num_groups == 3
    # 27 equally likely draws of patients p (+0.3, -0.1), q (+0.4), r (0): the lowest of them has r alone, the highest q alone
    assert (row.difference.lower, row.difference.upper) == pytest.approx((0.0, 0.4))


def test_pairs_make_the_interval_narrower_than_two_apart() -> None:
    rng = np.random.default_rng(0)
    easy = rng.uniform(0.2, 0.9, 40)
    PATIENTS.update({str(k): str(k) for k in range(40)})
    first = scored({str(k): value + 0.05 + rng.normal(0, 0.01) for k, value in enumerate(easy)})
    second = scored({str(k): value for k, value in enumerate(easy)})
    (row,) = compare.compare([first], [second])
    assert row.difference.lower > 0.04
    assert row.difference.upper < 0.06
    assert first.dice.lower < second.dice.upper


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (scored({"a": 0.5, "b": 0.5, "c": 0.5}), "different images"),
        (scored(SECOND, dataset="DDTI"), "different sets or phrases"),
        (scored(SECOND, phrase="fetal head"), "different sets or phrases"),
    ],
)
def test_only_the_same_images_are_compared(other: SegmentationScore, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compare.compare([scored(FIRST)], [other])


class Square:
    """Outlines the same square in every image."""

    def __init__(self, side: int) -> None:
        self.side = side

    def encode(self, image: list[UltrasoundImage]) -> list[UltrasoundImage]:
        return image

    def segment(self, image, phrase, *, threshold=None):
        logits = np.full((1, 64, 64), -1, np.float32)
        logits[:, : self.side, : self.side] = 1
        frame = FrameMap.letterbox(64, 64, 64)
        return [
            Segmentation(logits, frame=frame, scores=np.ones(1, np.float32), presence=1.0, phrase=words) for words in phrase
        ]


def test_the_command_on_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    masks = np.zeros((1, 64, 64), bool)
    masks[:, :16, :16] = True
    samples = [
        Sample(
            UltrasoundImage(np.full((64, 64), grey, np.uint8), name=str(grey)),
            key=str(grey),
            dataset="HC18",
            split="val",
            organ="fetal head",
            structures=(Structure("fetal head", masks=masks),),
        )
        for grey in (10, 20)
    ]
    for name, side in (("ours", 16), ("peer", 32)):
        evaluate_segmentation(Predictions(tmp_path / f"{name}.tsv", Square(side)), samples)

    def opened(folder: Path, split: str, *, limit: int | None) -> Images:
        return Images(split, limit, False, {"HC18": Portion(samples, limit)})

    monkeypatch.setattr(compare, "open_images", opened)
    files = [str(tmp_path / "ours.tsv"), str(tmp_path / "peer.tsv")]
    compare.main([*files, "--data", str(tmp_path), "--names", "ours", "peer", "--results", str(tmp_path)])
    card = json.loads((tmp_path / "compared-val.json").read_text())
    (row,) = card["differences"]
    assert (row["first"], row["second"]) == (1.0, 0.4)  # 2 * 256 / (256 + 1024)
    assert row["difference"]["value"] == 0.6
    assert comparison_table(card) in capsys.readouterr().out
    assert "| HC18, fetal head | 2 | 1.000 | 0.400 | 0.600 (0.600 to 0.600) | 2 / 0 |" in comparison_table(card)
    compare.main([*files, "--data", str(tmp_path), "--limit", "1", "--results", str(tmp_path)])
    assert (tmp_path / "compared-val-limit-1.json").exists()
