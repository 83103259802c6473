"""Figures in documents are those of the cards, and rewriting twice changes nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.cards import card_name, note_test_run
from benchmarks.tables import BEGIN, END, figures_in_short, figures_of, main, read_cards, rewrite

INTERVAL = {"value": 0.8765432, "lower": 0.81, "upper": None, "num_groups": 3, "num_undefined": 0}
HEAD = {
    "version": 1,
    "date": "2026-01-02T03:04:05+00:00",
    "commit": "abcdef",
    "device": "cpu",
    "hardware": {"processor": "a processor", "threads": 2},
    "model": "umind-tiny",
    "limit": None,
}
CARD = HEAD | {
    "split": "test",
    "data": {"BUSBRA": 3},
    "left_out": {"BUSBRA": 2, "HC18": 1},
    "segmentation": [
        {
            "dataset": "BUSBRA",
            "phrase": "breast lesion",
            "num_images": 3,
            "num_missed": 1,
            "dice": INTERVAL,
            "dice_sd": None,
            "iou": INTERVAL,
            "iou_sd": 0.1,
            "hd95": INTERVAL,
            "nsd": INTERVAL,
            "length_unit": "mm",
            "tolerance": 2.0,
            "exact_count": 1.0,
            "empty": {"num_images": 7, "specificity": INTERVAL},
        }
    ],
    "measurement": [
        {
            "dataset": "HC18",
            "name": "head circumference",
            "agreement": {
                "lower": -5.0,
                "upper": 4.0,
                "num_cases": 9,
                "num_missed": 2,
                "bias": -0.5,
                "mae_percent": 1.25,
            },
            "mae": INTERVAL,
            "icc": {"value": 0.9, "lower": 0.7, "upper": 0.95},
            "tolerance": 0.03,
            "within": INTERVAL,
            "coverage": 0.9,
        }
    ],
}
DOCUMENT = f"# umind\n\nBefore.\n\n{BEGIN}\nold 0.123\n{END}\n\nAfter.\n"


def test_rewriting_is_idempotent_and_leaves_the_rest() -> None:
    figures = figures_of({"test": CARD})
    once = rewrite(DOCUMENT, figures)
    assert rewrite(once, figures) == once
    assert once.startswith("# umind\n\nBefore.\n\n")
    assert once.endswith("\n\nAfter.\n")
    assert "old 0.123" not in once
    assert "0.877 (0.810 to n/a) ± n/a" in once
    assert "87.7 (81.0 to n/a) % of 7" in once
    assert "11 (2 missed)" in once
    assert "commit `abcdef`" in once
    assert "test split, without 3 images that have a near-duplicate in train, commit" in once


def test_the_command_on_files(tmp_path: Path) -> None:
    (tmp_path / "test.json").write_text(json.dumps(CARD))
    (tmp_path / "test-limit-5.json").write_text(json.dumps(CARD | {"commit": "limited"}))
    latency = HEAD | {"repetitions": 5, "sixteen_over_one": 1.5, "sam_over_segment": 200.0}
    (tmp_path / "latency.json").write_text(json.dumps(latency))
    for name in ("README.md", "CARD.md"):
        (tmp_path / name).write_text(DOCUMENT)
    arguments = [str(tmp_path / "README.md"), str(tmp_path / "CARD.md"), "--results", str(tmp_path)]
    main(arguments)
    once = (tmp_path / "README.md").read_text()
    assert "| `analyze` of 16 phrases over 1 | 1.50 |" in once
    assert "limited" not in once
    main(arguments)
    assert (tmp_path / "README.md").read_text() == once == (tmp_path / "CARD.md").read_text()


@pytest.mark.parametrize("document", ["none", f"{BEGIN}", f"{END} {BEGIN}", f"{BEGIN}{END}{BEGIN}{END}"])
def test_missing_marks_are_refused(document: str) -> None:
    with pytest.raises(ValueError, match="figures:begin"):
        rewrite(document, "x")


def test_test_comes_before_validation(tmp_path: Path) -> None:
    assert figures_of({}) == "No figures yet."
    assert "validation" not in figures_of({"test": CARD, "val": CARD | {"commit": "validation"}})
    assert read_cards(tmp_path) == {}


def test_every_test_run_is_noted(tmp_path: Path) -> None:
    for _ in range(2):
        note_test_run(tmp_path / "test_runs.csv", CARD)
    lines = (tmp_path / "test_runs.csv").read_text().splitlines()
    assert len(lines) == 3
    assert lines[0] == "date,commit,model,limit,figures"
    assert "BUSBRA breast lesion dice 0.877" in lines[1]
    assert figures_in_short(CARD) in lines[2]


def test_a_part_has_its_own_name() -> None:
    assert card_name("test") == "test"
    assert card_name("val", suite="all", limit=5) == "val-limit-5"
    assert card_name("compared-val", suite="presence", limit=5, with_twins=True) == "compared-val-presence-with-twins-limit-5"
