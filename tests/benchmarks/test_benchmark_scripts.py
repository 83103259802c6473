"""The scripts run from end to end on a small random model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from benchmarks import calibrate, contact_sheet, latency, run
from benchmarks.tables import figures_of, read_cards
from umind import UMindVL


@pytest.fixture(scope="module")
def folder(random_umind: UMindVL, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("model") / "small"
    random_umind.save_pretrained(place)
    return place


def test_run_on_phantoms(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run.main(["--model", str(folder), "--phantoms", "3", "--results", str(tmp_path)])
    card = json.loads((tmp_path / "phantoms.json").read_text())
    assert {"commit", "date", "hardware", "split", "phantom_seeds", "phantoms"} <= card.keys()
    assert card["model"] == "small"
    assert card["phantoms"]["num_images"] == 3
    assert "Phantoms: instances" in capsys.readouterr().out
    assert "phantoms of the val split" in figures_of(read_cards(tmp_path))
    assert not (tmp_path / "test_runs.csv").exists()
    assert str(tmp_path) not in (tmp_path / "phantoms.json").read_text()


def test_latency_without_sam(folder: Path, tmp_path: Path) -> None:
    latency.main(["--model", str(folder), "--repetitions", "1", "--sam-repetitions", "0", "--results", str(tmp_path)])
    card = json.loads((tmp_path / "latency.json").read_text())
    assert card["sixteen_over_one"] > 0
    assert len(set(latency.TARGETS)) == 16
    assert "16 phrases over 1" in figures_of(read_cards(tmp_path))


def test_contact_sheet(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "sheet.png"
    contact_sheet.main(["--model", str(folder), "--count", "2", "--out", str(path)])
    with Image.open(path) as sheet:
        assert sheet.size == (2 * contact_sheet.TILE, contact_sheet.TILE)


def test_calibration_is_written_and_read(folder: Path) -> None:
    before = json.loads((folder / "config.json").read_text())
    calibrate.write(folder / "config.json", {"presence_scale": 0.7512345678, "score_threshold": 0.31})
    after = json.loads((folder / "config.json").read_text())
    assert after == before | {"presence_scale": 0.751235, "score_threshold": 0.31}
    config = UMindVL.from_pretrained(folder).model.config
    assert (config.presence_scale, config.score_threshold) == (0.751235, 0.31)


def test_interleaved_turns() -> None:
    calls: list[str] = []
    seconds = latency.interleaved({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 2)
    assert calls == ["a", "b"] * 3
    assert seconds.keys() == {"a", "b"}
