"""The scripts run from end to end on a small random model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from benchmarks import calibrate, contact_sheet, latency, memory, run
from benchmarks.curves import cost_picture
from benchmarks.provenance import checksum
from benchmarks.tables import figures_of, read_cards
from benchmarks.timing import interleaved
from benchmarks.workloads import PHRASES, VERBS, WORKLOADS, Workload
from umind import UMindVL


@pytest.fixture(scope="module")
def folder(random_umind: UMindVL, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("model") / "small"
    random_umind.save_pretrained(place)
    return place


def test_run_on_phantoms(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    places = ["--results", str(tmp_path), "--predictions", str(tmp_path / "kept")]
    run.main(["--model", str(folder), "--phantoms", "3", *places])
    card = json.loads((tmp_path / "phantoms.json").read_text())
    assert {"commit", "date", "hardware", "split", "phantom_seeds", "phantoms"} <= card.keys()
    assert card["model"] == "small"
    assert card["phantoms"]["num_images"] == 3
    assert "Phantoms: instances" in capsys.readouterr().out
    assert "phantoms of the val split" in figures_of(read_cards(tmp_path))
    assert not (tmp_path / "test_runs.csv").exists()
    assert str(tmp_path) not in (tmp_path / "phantoms.json").read_text()
    assert (tmp_path / "kept" / card["predictions"] / "val-phantoms.tsv").is_file()


def few(axis: str) -> tuple[Workload, ...]:
    return WORKLOADS[axis][:2]


def test_latency_without_sam(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latency, "WORKLOADS", {axis: few(axis) for axis in WORKLOADS})
    monkeypatch.setattr(latency, "peak_of", lambda workload, model, device: 100.0 if workload is None else 125.0)
    latency.main(["--model", str(folder), "--repetitions", "1", "--sam-repetitions", "0", "--results", str(tmp_path)])
    card = json.loads((tmp_path / "latency.json").read_text())
    assert min(card[name] for name in ("sixteen_over_one", "sixteen_over_one_with_masks", "analyze_over_specialist")) > 0
    assert (card["repetitions"], card["warm_up"], card["loaded_mb"]) == (1, 1, 100)
    assert card["hardware"]["threads"] >= 1
    assert len(set(latency.TARGETS)) == 16
    assert [row["axis"] for row in card["workloads"]] == [
        "verb",
        "verb",
        "images",
        "images",
        "targets",
        "targets",
        "side",
        "side",
    ]
    for row in card["workloads"]:
        assert 0 < row["seconds"]["lower"] <= row["seconds"]["median"] <= row["seconds"]["upper"]
        assert row["peak_mb"] == 125
    figures = figures_of(read_cards(tmp_path))
    assert "16 phrases over 1" in figures
    assert "| `segment` | 2 | 1 | 256 |" in figures
    with Image.open(tmp_path / "latency.png") as picture:
        assert picture.size == (3 * 640, 480)


def test_the_axes_of_cost() -> None:
    assert [row.images for row in WORKLOADS["images"]] == [1, 2, 4, 8, 16, 32]
    assert [row.targets for row in WORKLOADS["targets"]] == [1, 2, 4, 8, 16, 32, 64]
    assert [row.side for row in WORKLOADS["side"]] == [256, 512, 1024, 2048]
    assert {row.verb for row in WORKLOADS["verb"]} == set(VERBS)
    assert len(set(PHRASES)) == 64


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_can_be_called(random_umind: UMindVL, verb: str) -> None:
    results = Workload("verb", verb, images=2, targets=3, side=80).bind(random_umind)()
    assert len(results) == 2
    if verb == "segment":
        assert results[0].shape[1:] == (80, 80)
    if verb == "analyze":
        assert len(results[0]) == 3


def test_memory_is_that_of_a_process_of_its_own(folder: Path) -> None:
    if not memory.STATUS.exists():
        pytest.skip("the system does not say")
    ballast = bytearray(512 * memory.MEBI)
    ballast[::4096] = b"x" * len(ballast[::4096])
    own = memory.peak() / memory.MEBI
    loaded = memory.peak_of(None, folder, "cpu")
    assert loaded is not None
    assert 50 < loaded < own


def test_a_slower_call_is_drawn_higher() -> None:
    def rows(factor: float) -> list[dict[str, object]]:
        seconds = dict.fromkeys(("median", "lower", "upper"), 0.1)
        return [
            {"axis": axis, axis: number, "seconds": {k: v * (factor if number == 2 else 1) for k, v in seconds.items()}}
            for axis in ("images", "targets", "side")
            for number in (1, 2)
        ]

    assert (cost_picture(rows(2)) != cost_picture(rows(3))).any()


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
    seconds = interleaved({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 2)
    assert calls == ["a", "b"] * 3
    assert seconds.keys() == {"a", "b"}


def test_a_checksum_follows_content_and_name(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("one")
    (tmp_path / "b").write_text("one")
    first = checksum([tmp_path / "a"])
    assert first == checksum([tmp_path / "a"]) != checksum([tmp_path / "b"])
    (tmp_path / "a").write_text("two")
    assert checksum([tmp_path / "a"]) != first
