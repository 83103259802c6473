from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, UltrasoundImageStorage, generate_uid

from umind.cli.main import main


def write_dicom(path: Path, **elements: object) -> Path:
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = UltrasoundImageStorage
    data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    data.Modality, data.Rows, data.Columns = "US", 40, 60
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 8
    data.HighBit, data.PixelRepresentation = 7, 0
    data.PixelData = np.zeros((40, 60), np.uint8).tobytes()
    for keyword, value in elements.items():
        setattr(data, keyword, value)
    data.save_as(path, enforce_file_format=True)
    return path


def region(x1: int, units: int = 3) -> Dataset:
    data = Dataset()
    data.RegionLocationMinX0, data.RegionLocationMinY0 = 0, 0
    data.RegionLocationMaxX1, data.RegionLocationMaxY1 = x1, 39
    data.RegionSpatialFormat = 1
    data.PhysicalUnitsXDirection = data.PhysicalUnitsYDirection = units
    data.PhysicalDeltaX = data.PhysicalDeltaY = 0.02
    return data


def test_dicom_with_regions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_dicom(tmp_path / "scan.dcm", SequenceOfUltrasoundRegions=[region(59)], Manufacturer="Maker")
    assert main(["info", str(path)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "file: scan.dcm",
        "size: 60 x 40 pixels, grey",
        "spacing: 0.2 mm per pixel (DICOM ultrasound regions)",
        "modality: US",
        "manufacturer: Maker",
    ]
    assert main(["info", str(path), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["spacing"] == pytest.approx([0.2, 0.2])
    assert (said["calibration"], said["reason"], said["frames"]) == ("dicom-region", None, 1)


@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        ({}, "neither ultrasound regions nor a usable PixelSpacing"),
        ({"PixelSpacing": [1, 1]}, "1 by 1 mm"),
        ({"SequenceOfUltrasoundRegions": [region(500)]}, "outside the pixels"),
        ({"SequenceOfUltrasoundRegions": [region(59, units=4)]}, "no 2D ultrasound region in centimetres"),
    ],
)
def test_dicom_without_spacing_says_why(
    elements: dict[str, object], reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["info", str(write_dicom(tmp_path / "scan.dcm", **elements))]) == 0
    said = capsys.readouterr().out
    assert "spacing: none; " in said
    assert reason in said


def test_clip(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames = [Image.new("RGB", (64, 48), (shade, 0, 0)) for shade in (20, 90, 160)]
    frames[0].save(tmp_path / "clip.gif", save_all=True, append_images=frames[1:], duration=40)
    assert main(["info", str(tmp_path / "clip.gif")]) == 0
    said = capsys.readouterr().out
    assert "size: 64 x 48 pixels, colour\nframes: 3 at 25 a second\nspacing: none; this kind of picture" in said


def test_unreadable(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(tmp_path / "gone.dcm")]) == 1
    assert capsys.readouterr().err == f"umind: {tmp_path / 'gone.dcm'}: no such file\n"
