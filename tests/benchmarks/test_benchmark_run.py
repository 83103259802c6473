"""A run on data: answers are kept for the model that gave them, twins are left out, missing peers are named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import images, run
from benchmarks.twins import main as find_twins
from benchmarks.twins import twins_of_training
from umind import UMindVL


@pytest.fixture
def folder(random_umind: UMindVL, tmp_path: Path) -> Path:
    random_umind.save_pretrained(tmp_path / "small")
    return tmp_path / "small"


@pytest.fixture(autouse=True)
def table(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The twins of these data stand for those of the repository."""
    find_twins(["--data", str(data), "--out", str(data / "twins.csv")])
    monkeypatch.setattr(images, "twins_of_training", lambda _: twins_of_training(data / "twins.csv"))


def card_of(folder: Path, data: Path, *options: str, name: str = "test-segmentation") -> dict[str, Any]:
    """Run on the test images."""
    places = {"results": "results", "predictions": "kept", "specialists": "none", "stores": "none"}
    paths = [word for option, place in places.items() for word in (f"--{option}", str(data / place))]
    scored = ["--data", str(data), "--split", "test", "--suite", "segmentation", "--phantoms", "0"]
    run.main(["--model", str(folder), *scored, *paths, *options])
    card: dict[str, Any] = json.loads((data / "results" / f"{name}.json").read_text())
    return card


def test_twins_are_left_out_unless_asked_for(folder: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    card = card_of(folder, data)
    assert (card["data"], card["left_out"]) == ({"BUSBRA": 1}, {"BUSBRA": 1})
    assert card["segmentation"][0]["num_images"] == 1
    assert "specialists are not scored" in capsys.readouterr().out
    assert len((data / "results" / "test_runs.csv").read_text().splitlines()) == 2
    whole = card_of(folder, data, "--with-twins", name="test-segmentation-with-twins")
    assert (whole["data"], whole["left_out"]) == ({"BUSBRA": 2}, {"BUSBRA": 0})


def test_what_was_answered_is_not_asked_again(folder: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = card_of(folder, data)
    assert (data / "kept" / first["predictions"] / "test.tsv").is_file()
    monkeypatch.setattr(UMindVL, "segment", lambda *_, **__: pytest.fail("asked again"))
    assert card_of(folder, data)["segmentation"] == first["segmentation"]


def test_answers_of_another_calibration_are_stale(folder: Path, data: Path) -> None:
    first = card_of(folder, data)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"presence_threshold": 0.123}))
    second = card_of(folder, data)
    assert second["predictions"] != first["predictions"]
    assert second["model"] == first["model"] == "small"
