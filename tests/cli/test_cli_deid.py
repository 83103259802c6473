from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from umind.cli.main import main
from umind.io import read


def write_scan(path: Path) -> Path:
    pixels = np.zeros((200, 300), np.uint8)
    pixels[40:190, 60:240] = np.random.default_rng(0).integers(40, 160, (150, 180))
    cv2.putText(pixels, "ZYXWINE", (4, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 255, 1)
    Image.fromarray(pixels).save(path)
    return path


def test_files_are_numbered_and_recorded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scans = [write_scan(tmp_path / name) for name in ("zyxwine.png", "other.png")]
    assert main(["deid", *map(str, scans), "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "zyxwine.png -> image-001.png: 300 x 200 pixels, 1 frame\n" in said
    assert "No tool can promise" in said
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "deid.json",
        "deid.txt",
        "image-001.png",
        "image-002.png",
    ]
    assert sorted(path.name for path in (tmp_path / "out-check").iterdir()) == ["image-001.png", "image-002.png"]
    records = json.loads((tmp_path / "out" / "deid.json").read_text())
    assert [record["file"] for record in records] == ["image-001.png", "image-002.png"]
    written = "".join((tmp_path / "out" / name).read_text() for name in ("deid.json", "deid.txt"))
    assert "zyxwine" not in written
    assert "No tool can promise" in written
    pixels = read(tmp_path / "out" / "image-001.png").pixels
    assert not pixels[:30].any()
    assert pixels[60:180, 80:220].any()


def test_a_failed_file_does_not_stop_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scan = write_scan(tmp_path / "scan.png")
    (tmp_path / "bad.png").write_bytes(b"nothing")
    call = [
        "deid",
        str(tmp_path / "bad.png"),
        str(scan),
        "--out",
        str(tmp_path / "out"),
        "--check",
        str(tmp_path / "c"),
        "--json",
    ]
    assert main(call) == 1
    streams = capsys.readouterr()
    assert json.loads(streams.out)["file"] == "image-002.png"
    assert streams.err.startswith(f"umind: {tmp_path / 'bad.png'}: ")
    assert [path.name for path in (tmp_path / "c").iterdir()] == ["image-002.png"]


def test_a_box_is_taken_and_cropped_to(tmp_path: Path) -> None:
    scan = write_scan(tmp_path / "scan.png")
    assert main(["deid", str(scan), "--out", str(tmp_path / "out"), "--field", "70,50,170,150", "--crop"]) == 0
    assert read(tmp_path / "out" / "image-001.png").pixels.shape == (100, 100)


@pytest.mark.parametrize("field", ["1,2,3", "5,5,2,9", "a,b,c,d", "1,2,3,4,5"])
def test_wrong_boxes(field: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["deid", "scan.png", "--out", str(tmp_path), "--field", field])
    assert stopped.value.code == 2


def test_a_folder_with_files_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scan = write_scan(tmp_path / "scan.png")
    assert main(["deid", str(scan), "--out", str(tmp_path)]) == 2
    assert "has files in it" in capsys.readouterr().err
    assert read(scan).pixels.shape == (200, 300)
