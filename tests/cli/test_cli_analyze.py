from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from umind.cli.analyze import plan
from umind.cli.main import main
from umind.export import from_dict
from umind.schema.result import Analysis

ASKED = ("--find", "solid lesion, cyst", "--measure", "longest diameter", "--classify", "solid lesion=benign,malignant")


def test_everything_is_written(scan: Path, model_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = scan.parent / "new" / "results"
    assert main(["analyze", str(scan), *ASKED, "--spacing", "0.1,0.2", "--out", str(out), "--model", str(model_folder)]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["results.csv", "scan.html", "scan.json", "scan.overlay.png"]
    with Image.open(out / "scan.overlay.png") as picture:
        assert picture.width >= 96
    analysis = from_dict(json.loads((out / "scan.json").read_text("utf-8")))
    assert isinstance(analysis, Analysis)
    assert list(analysis.segmentations) == list(analysis.keypoints) == ["solid lesion", "cyst"]
    assert analysis.classifications["solid lesion"].labels == ("benign", "malignant")
    assert analysis.measurements["longest diameter"].unit == "mm"
    assert analysis.report is not None
    rows = list(csv.DictReader((out / "results.csv").read_text("utf-8").splitlines()))
    assert {"segmentation", "detection", "keypoint", "measurement", "classification"} <= {row["kind"] for row in rows}
    said = capsys.readouterr()
    assert said.err == ""
    for words in ("solid lesion: ", "presence", "score", "box", "benign", "report: ", "0.2 (x) by 0.1 (y) mm"):
        assert words in said.out
    assert said.out.count("Research use only, not for diagnosis") == 1


def test_asking_nothing_still_writes_a_report(scan: Path, model_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", str(scan), "--out", str(scan.parent / "out"), "--model", str(model_folder)]) == 0
    assert "report: " in capsys.readouterr().out


def test_json_is_all_there_is_on_stdout(scan: Path, model_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    second = shutil.copy(scan, scan.with_name("second.png"))
    out = str(scan.parent / "out")
    call = ["analyze", str(scan), str(second), "--find", "cyst", "--no-text", "--json", "--out", out]
    assert main([*call, "--model", str(model_folder)]) == 0
    results = [from_dict(json.loads(line)) for line in capsys.readouterr().out.splitlines()]
    assert [result.name for result in results if isinstance(result, Analysis)] == ["scan.png", "second.png"]


def test_two_images_of_one_name(scan: Path, model_folder: Path) -> None:
    others = [scan.parent / "a" / "scan.png", scan.parent / "scan.jpg"]
    others[0].parent.mkdir()
    shutil.copy(scan, others[0])
    with Image.open(scan) as picture:
        picture.save(others[1])
    out = scan.parent / "out"
    call = ["analyze", str(scan), *map(str, others), "--find", "cyst", "--no-text", "--out", str(out)]
    assert main([*call, "--model", str(model_folder)]) == 0
    assert {path.stem for path in out.glob("*.json")} == {"scan", "scan-2", "scan-3"}
    named = {row["image"] for row in csv.DictReader((out / "results.csv").read_text("utf-8").splitlines())}
    assert named == {str(scan), str(others[0]), "scan.jpg"}


def test_numbering_never_meets_a_given_name() -> None:
    paths = [Path(name) for name in ("x/a.png", "y/a.png", "a-2.png", "z/A.png")]
    stems = [job.stem for job in plan(paths, None)]
    assert stems == ["a", "a-3", "a-2", "A-4"]
    assert [job.stem for job in plan(paths[:1], 3)] == ["a.frame3"]


def test_one_bad_image_among_good_ones(scan: Path, model_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = scan.with_name("text.png")
    bad.write_text("no image", "utf-8")
    good = shutil.copy(scan, scan.with_name("good.png"))
    out = scan.parent / "out"
    call = ["analyze", str(scan), str(bad), str(scan.parent / "gone.png"), str(good), "--find", "cyst", "--no-text"]
    assert main([*call, "--out", str(out), "--model", str(model_folder)]) == 1
    assert {path.name for path in out.glob("*.json")} == {"scan.json", "good.json"}
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert str(bad) in said[0]
    assert "no image of a known format" in said[0]
    assert said[1].endswith("gone.png: no such file")


def test_what_cannot_be_measured(scan: Path, model_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = scan.parent / "out"
    call = ["analyze", str(scan), "--out", str(out), "--no-text", "--model", str(model_folder), "--threshold", "0"]
    assert main([*call, "--measure", "estimated fetal weight"]) == 2
    assert "give values=" in capsys.readouterr().err
    assert not out.exists()
    assert main([*call, "--measure", "orientation of the cyst"]) == 0
    assert "orientation of the cyst: refused, orientation wants" in capsys.readouterr().out
    assert ",refused,orientation of the cyst," in (out / "results.csv").read_text("utf-8")


def test_all_images_bad(tmp_path: Path, model_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", str(tmp_path / "gone.png"), "--out", str(tmp_path / "out"), "--model", str(model_folder)]) == 1
    assert capsys.readouterr().out == ""


def test_out_is_a_file(scan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", str(scan), "--out", str(scan)]) == 2
    assert "is a file; wanted a folder" in capsys.readouterr().err


def test_out_would_overwrite_an_input(scan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drawn = shutil.copy(scan, scan.with_name("scan.overlay.png"))
    assert main(["analyze", str(scan), str(drawn), "--out", str(scan.parent)]) == 2
    assert "scan.overlay.png would overwrite" in capsys.readouterr().err


def test_clip_wants_a_frame(tmp_path: Path, model_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = tmp_path / "clip.gif"
    frames = [Image.new("L", (64, 48), shade) for shade in (20, 90, 160)]
    frames[0].save(clip, save_all=True, append_images=frames[1:], duration=40)
    call = ["analyze", str(clip), "--find", "cyst", "--no-text", "--out", str(tmp_path / "out"), "--model", str(model_folder)]
    assert main(call) == 1
    assert "clip of 3 frames; --frame N" in capsys.readouterr().err
    assert main([*call, "--frame", "3"]) == 1
    assert "the last is 2" in capsys.readouterr().err
    assert main([*call, "--frame", "2"]) == 0
    assert (tmp_path / "out" / "clip.frame2.json").exists()


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (["--find", " "], "must not be empty"),
        (["--find", "cyst,,"], "must not be empty"),
        (["--classify", "lesion"], "PHRASE=OPTION"),
        (["--classify", "lesion=benign"], "at least two"),
        (["--spacing", "-1"], "positive millimetres"),
        (["--spacing", "1,2,3"], "positive millimetres"),
        (["--threshold", "1.5"], "0 to 1"),
        (["--frame", "-1"], "--frame"),
        (["--device", "toaster"], "no device 'toaster'"),
        (["--unknown"], "unrecognized arguments: --unknown"),
    ],
)
def test_wrong_options(options: list[str], wanted: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["analyze", "scan.png", "--out", "out", *options])
    assert stopped.value.code == 2
    assert wanted in capsys.readouterr().err
