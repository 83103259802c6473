from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from highdicom.sr import srread
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset

from umind.cli.main import main
from umind.export import from_dict
from umind.schema.result import Analysis

ASKED = ("--find", "breast lesion", "--measure", "longest diameter", "--no-text")


@pytest.fixture
def still(tmp_path: Path) -> Path:
    """An ultrasound image of pydicom's, which has all of an identity."""
    return Path(shutil.copy(str(get_testdata_file("examples_rgb_color.dcm", download=False)), tmp_path / "still.dcm"))


def items(data: Dataset, kind: str) -> list[Dataset]:
    """Content items of one value type, in order."""
    found = [item for item in data.get("ContentSequence", ()) if item.ValueType == kind]
    return found + [deeper for item in data.get("ContentSequence", ()) for deeper in items(item, kind)]


def test_objects_stand_beside_the_json(still: Path, model_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = still.parent / "out"
    assert main(["analyze", str(still), *ASKED, "--out", str(out), "--model", str(model_folder)]) == 0
    names = ["results.csv", *(f"still{end}" for end in (".html", ".json", ".overlay.png", ".sc.dcm", ".seg.dcm", ".sr.dcm"))]
    assert sorted(path.name for path in out.iterdir()) == names
    said = capsys.readouterr()
    assert said.err == ""
    assert all(name in said.out for name in names)
    analysis = from_dict(json.loads((out / "still.json").read_text("utf-8")))
    assert isinstance(analysis, Analysis)
    masks = analysis.segmentations["breast lesion"].masks
    written = dcmread(out / "still.seg.dcm")
    np.testing.assert_array_equal(written.pixel_array.reshape(masks.shape), masks)
    assert (
        written.SegmentSequence[0].SegmentationAlgorithmIdentificationSequence[0].AlgorithmParameters
        == f"model={model_folder.name}"
    )
    measurement = analysis.measurements["longest diameter"]
    report = srread(out / "still.sr.dcm")
    values = [item.MeasuredValueSequence[0].FloatingPointValue for item in items(report, "NUM")]
    assert measurement.value in values
    assert measurement.spread in values
    source = dcmread(still)
    for name in ("seg", "sr", "sc"):
        data = dcmread(out / f"still.{name}.dcm")
        assert (data.PatientID, data.StudyInstanceUID) == (source.PatientID, source.StudyInstanceUID)


def test_a_frame_of_a_cine_is_referenced(tmp_path: Path, model_folder: Path) -> None:
    cine = str(get_testdata_file("examples_ybr_color.dcm", download=False))
    call = ["analyze", cine, "--frame", "3", *ASKED, "--out", str(tmp_path), "--model", str(model_folder)]
    assert main(call) == 0
    for name in ("seg", "sc"):
        data = dcmread(tmp_path / f"examples_ybr_color.frame3.{name}.dcm")
        assert data.SourceImageSequence[0].ReferencedFrameNumber == 4


def test_a_source_that_nothing_can_reference(still: Path, model_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = dcmread(still)
    del data.SOPInstanceUID
    del data.PatientID
    data.save_as(still)
    second = shutil.copy(str(get_testdata_file("examples_palette.dcm", download=False)), still.with_name("second.dcm"))
    out = still.parent / "out"
    assert main(["analyze", str(still), str(second), *ASKED, "--out", str(out), "--model", str(model_folder)]) == 0
    assert {path.name for path in out.glob("still.*")} == {"still.html", "still.json", "still.overlay.png"}
    said = capsys.readouterr()
    assert said.err.splitlines() == [
        f"umind: {still}: no DICOM objects are written: the source has no SOPInstanceUID, so nothing can reference it"
    ]
    assert "NAME.html of 2 images, NAME.sr.dcm, NAME.sc.dcm, NAME.seg.dcm of 1 image, and results.csv" in said.out


def test_an_object_must_not_overwrite_an_input(still: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written = shutil.copy(still, still.with_name("still.sr.dcm"))
    assert main(["analyze", str(still), str(written), "--out", str(still.parent)]) == 2
    assert "still.sr.dcm would overwrite" in capsys.readouterr().err
