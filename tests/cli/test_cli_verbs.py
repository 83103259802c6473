from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from umind.cli.main import main
from umind.export import from_dict
from umind.schema import result

CALLS = {
    "segment": (["solid lesion"], result.Segmentation),
    "detect": (["solid lesion"], result.Detection),
    "keypoints": (["solid lesion"], result.Keypoints),
    "measure": (["longest diameter of the cyst"], result.Measurement),
    "classify": (["solid lesion", "benign", "malignant"], result.Classification),
    "ask": (["Is there a lesion?"], result.Answer),
    "report": ([], result.Report),
}


@pytest.mark.parametrize("verb", CALLS)
def test_verb_in_words_and_in_json(verb: str, scan: Path, model_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words, kind = CALLS[verb]
    call = [verb, str(scan), *words, "--model", str(model_folder), "--spacing", "0.1"]
    assert main([*call, "--json"]) == 0
    said = capsys.readouterr()
    assert isinstance(from_dict(json.loads(said.out)), kind)
    assert said.err == ""
    picture = scan.parent / "new" / "drawn.png"
    assert main([*call, "--out", str(picture)]) == 0
    told = capsys.readouterr().out
    assert told.startswith("scan.png: 96 x 96 pixels, 0.1 mm per pixel (given by the caller)\n")
    assert told.endswith(f"Written: {picture}\nResearch use only, not for diagnosis.\n")
    with Image.open(picture) as drawn:
        assert drawn.width >= 96


def test_threshold_reaches_the_verb(scan: Path, model_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call = ["classify", str(scan), "cyst", "simple", "complex", "--json", "--model", str(model_folder)]
    assert main([*call, "--threshold", "0"]) == 0
    assert json.loads(capsys.readouterr().out)["label"] in ("simple", "complex")


def test_what_cannot_be_measured(scan: Path, model_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["measure", str(scan), "estimated fetal weight", "--model", str(model_folder)]) == 2
    assert "give values=" in capsys.readouterr().err
    call = ["measure", str(scan), "orientation of the cyst", "--threshold", "0", "--model", str(model_folder)]
    assert main(call) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"umind: {scan}: ")
    assert "square" in said.err
    assert main([*call, "--spacing", "0.1"]) == 0


def test_unreadable_images(tmp_path: Path, model_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, empty = tmp_path / "text.png", tmp_path / "empty.png"
    text.write_text("no image", "utf-8")
    empty.touch()
    wanted = {
        tmp_path / "gone.png": "no such file",
        text: "no image of a known format",
        empty: "is empty",
        tmp_path: "directory",
    }
    for path, reason in wanted.items():
        assert main(["segment", str(path), "cyst", "--model", str(model_folder)]) == 1
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.startswith(f"umind: {path}: ")
        assert reason in said.err


def test_wrong_picture_to_write(scan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for out, reason in (
        (tmp_path, "wanted a picture"),
        (tmp_path / "x.txt", "wanted a picture"),
        (scan, "overwrite the image"),
    ):
        assert main(["segment", str(scan), "cyst", "--out", str(out)]) == 2
        assert reason in capsys.readouterr().err
    assert main(["segment", str(scan), "cyst", "--out", str(scan / "x.png")]) == 2
    assert "folder cannot be made" in capsys.readouterr().err


def test_wrong_model(scan: Path, model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(scan), "--model", str(tmp_path / "gone")]) == 2
    assert "wanted a folder with config.json" in capsys.readouterr().err
    assert main(["report", str(scan), "--model", str(tmp_path)]) == 2  # a folder without a model
    assert "no model could be read" in capsys.readouterr().err
    damaged = tmp_path / "damaged"
    shutil.copytree(model_folder, damaged)
    (damaged / "model.safetensors").write_bytes(b"no weights")
    assert main(["report", str(scan), "--model", str(damaged)]) == 2
    said = capsys.readouterr().err
    assert "damaged" in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    "call", [["segment", "a.png", ""], ["segment", "a.png"], ["classify", "a.png", "cyst"], ["segmnt", "a.png", "cyst"], []]
)
def test_wrong_call(call: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(call)
    assert stopped.value.code == 2
    assert "usage: umind" in capsys.readouterr().err


def test_one_option_is_no_choice(scan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["classify", str(scan), "cyst", "simple"]) == 2
    assert "at least two different" in capsys.readouterr().err
