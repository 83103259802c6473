from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from made_dicom import M_MODE, duplex, measures, region, write_dicom
from PIL import Image

from umind.cli.main import main

PIXELS = np.zeros((40, 60), np.uint8)


def said_of(path: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    assert main(["info", str(path)]) == 0
    return capsys.readouterr().out.splitlines()


def test_dicom_with_regions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    regions = [region((0, 0, 59, 29), delta=(0.02, 0.02)), region((0, 30, 59, 39), units=(4, 3), kind=M_MODE)]
    path = write_dicom(tmp_path / "scan.dcm", PIXELS, SequenceOfUltrasoundRegions=regions, Manufacturer="Maker")
    assert said_of(path, capsys) == [
        "file: scan.dcm",
        "size: 60 x 40 pixels, grey",
        "region 1: 2D, x 0 to 60, y 0 to 30, 0.2 mm per pixel",
        "region 2: M-mode, x 0 to 60, y 30 to 40, no scale, a region of kind M-mode has no millimetres on both axes",
        "spacing: 0.2 mm per pixel (DICOM ultrasound regions)",
        "modality: US",
        "manufacturer: Maker",
    ]
    assert main(["info", str(path), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["spacing"] == pytest.approx([0.2, 0.2])
    assert (said["calibration"], said["notes"], said["frames"]) == ("dicom-region", [], 1)
    assert [entry["kind"] for entry in said["regions"]] == ["2D", "M-mode"]
    assert said["regions"][0]["xyxy"] == [0, 0, 60, 30]
    assert (said["regions"][0]["reason"], said["regions"][1]["spacing"]) == (None, None)


def test_cine_whose_regions_differ(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = said_of(duplex(tmp_path / "cine.dcm"), capsys)
    assert said[2:7] == [
        "frames: 3 at 25 a second",
        "region 1: 2D, x 0 to 80, y 0 to 80, 0.2 (x) by 0.1 (y) mm per pixel",
        "region 2: 2D, x 80 to 160, y 0 to 80, 0.4 (x) by 0.3 (y) mm per pixel",
        "region 3: spectral, x 0 to 160, y 80 to 120, no scale, a region of kind spectral has no millimetres on both axes",
        "spacing: by region (DICOM ultrasound regions)",
    ]
    assert "differ in scale" in said[7]


@pytest.mark.parametrize(
    ("elements", "spacing", "reason"),
    [
        ({}, "spacing: none; ", "neither ultrasound regions nor PixelSpacing"),
        ({"PixelSpacing": [1, 1]}, "spacing: none, the file is suspect; ", "1 by 1 mm"),
        ({"PixelSpacing": [0, 1]}, "spacing: none; ", "PixelSpacing is 0 by 1"),
        (
            {"SequenceOfUltrasoundRegions": [region((0, 0, 500, 39))]},
            "spacing: none, the file is suspect; ",
            "the 2D region x 0 to 501, y 0 to 40 leaves the 60 x 40 pixels",
        ),
        ({"SequenceOfUltrasoundRegions": [region((9, 9, 2, 2))]}, "spacing: none, the file is suspect; ", "no bounds"),
        ({"SequenceOfUltrasoundRegions": [region(units=(4, 3))]}, "spacing: none; ", "units are s and cm"),
        ({"SequenceOfUltrasoundRegions": [region(delta=(0.0, 0.1))]}, "spacing: none; ", "zero or missing"),
        ({"SequenceOfUltrasoundRegions": [region(kind=M_MODE)]}, "spacing: none; ", "is a 2D image"),
        ({"SharedFunctionalGroupsSequence": [measures(0.3, 0.2)]}, "spacing: 0.2 (x) by 0.3 (y) mm per pixel (DICOM Pi", ""),
    ],
)
def test_dicom_says_what_was_found_and_why(
    elements: dict[str, object], spacing: str, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = said_of(write_dicom(tmp_path / "scan.dcm", PIXELS, **elements), capsys)
    assert [line for line in said if line.startswith(spacing)]
    assert reason in "\n".join(line for line in said if line.startswith("note: "))


def test_clip(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames = [Image.new("RGB", (64, 48), (shade, 0, 0)) for shade in (20, 90, 160)]
    frames[0].save(tmp_path / "clip.gif", save_all=True, append_images=frames[1:], duration=40)
    assert main(["info", str(tmp_path / "clip.gif")]) == 0
    said = capsys.readouterr().out
    wanted = ["size: 64 x 48 pixels, colour", "frames: 3 at 25 a second", "spacing: none; --spacing gives it"]
    assert said.splitlines()[1:4] == wanted
    assert "note: pictures of this format carry no scale" in said


def test_unreadable(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(tmp_path / "gone.dcm")]) == 1
    assert capsys.readouterr().err == f"umind: {tmp_path / 'gone.dcm'}: no such file\n"
