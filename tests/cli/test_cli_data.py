"""``umind data``: prepare with a manifest, check, stats."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from umind.cli.main import main
from umind.data import prepare as preparing
from umind.data.quality.manifest import read_manifest

STEMS = [f"{number:02d}" for number in range(16)]


@pytest.fixture
def ward(tmp_path: Path) -> Path:
    """A hospital's folder of images and masks, without a table of splits; 00 and 01 are one scan."""
    root = tmp_path / "sets" / "Thyroid_Nodule"
    for number, stem in enumerate(STEMS):
        noise = np.random.default_rng(max(number, 1)).integers(0, 256, (16, 16), np.uint8)
        pixels = np.asarray(Image.fromarray(noise).resize((64, 64)))
        for folder, array in (("images", pixels), ("masks", pixels > 128)):
            (root / folder).mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(root / folder / f"{stem}.png")
    return root


def test_check_says_what_is_wrong(ward: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (ward / "masks" / "01.png").unlink()
    assert main(["data", "check", str(ward)]) == 1  # an image without a mask is a fault
    assert "left out" in capsys.readouterr().out
    (ward / "images" / "01.png").unlink()
    assert main(["data", "check", str(ward)]) == 0
    said = capsys.readouterr()
    assert "images and masks, 15 images read, 0 faults, 2 notes" in said.out
    assert said.err == ""
    (ward / "images" / "05.png").write_bytes(b"no picture")
    (ward / "images" / "06.png").write_bytes((ward / "images" / "07.png").read_bytes())
    (ward.parent / "else").mkdir()
    assert main(["data", "check", str(ward), str(ward.parent / "else"), "--json"]) == 1
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert {fault["kind"] for fault in first["faults"]} >= {"unreadable", "duplicate"}
    assert first["images"] == 14
    assert [fault["kind"] for fault in second["faults"]] == ["unknown set"]
    assert main(["data", "check", str(ward.parent / "nowhere")]) == 2
    assert "is no folder" in capsys.readouterr().err


def test_check_shortens_unless_asked(ward: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for stem in STEMS[:8]:
        (ward / "masks" / f"{stem}.png").unlink()
    assert main(["data", "check", str(ward)]) == 1
    assert "and 5 more; --all shows them" in capsys.readouterr().out
    main(["data", "check", str(ward), "--all"])
    assert capsys.readouterr().out.count("no mask") == 8


@pytest.mark.filterwarnings("ignore:.*names no patients")
def test_stats(ward: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plot = tmp_path / "plot.png"
    assert main(["data", "stats", str(ward), "--plot", str(plot)]) == 0
    said = capsys.readouterr().out
    assert "Thyroid_Nodule: 16 images; licence unknown" in said
    assert "thyroid nodule: in 16 images" in said
    assert "longer side 64 to 64" in said
    assert "spacing     none" in said
    with Image.open(plot) as picture:
        assert np.asarray(picture).std() > 0
    (ward.parent / "else").mkdir()
    assert main(["data", "stats", str(ward.parent / "else"), str(ward), "--json"]) == 1
    said = capsys.readouterr()
    held = json.loads(said.out)
    assert (held["images"], held["sides"]["median"]) == (16, 64)
    assert held["structures"]["thyroid nodule"]["images"] == 16
    assert "no data set is called 'else'" in said.err
    assert main(["data", "stats", str(ward / "splits.csv")]) == 2


@pytest.mark.filterwarnings("ignore:.*names no patients", "ignore:.*has no splits")
def test_prepare_takes_own_folders_and_lists_them(
    ward: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = preparing.prepare
    few = {"size": 64, "num_phantoms": 2, "num_val_phantoms": 2, "num_examples": 10}
    monkeypatch.setattr("umind.cli.data.prepare", lambda *args, **kwargs: whole(*args, **(kwargs | few)))
    out, manifest = tmp_path / "out", tmp_path / "manifest.jsonl"
    call = ["data", "prepare", str(ward.parent), "--out", str(out), "--manifest", str(manifest), "--test"]
    assert main(call) == 0
    assert "left out: Thyroid_Nodule: its licence forbids" in capsys.readouterr().err
    assert read_manifest(manifest, ward.parent) == ()
    assert main([*call, "--all-sets"]) == 0
    assert "Thyroid_Nodule-train" in capsys.readouterr().out
    items = {item.key: item for item in read_manifest(manifest, ward.parent)}
    assert sorted(items) == [f"images/{stem}" for stem in STEMS]
    assert items["images/00"].split == items["images/01"].split
    assert items["images/00"].group == items["images/01"].group == "images/00"
    assert (out / "Thyroid_Nodule-divided" / "splits.csv").is_file()
