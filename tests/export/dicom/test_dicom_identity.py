"""What a source lacks or has wrong does not keep an object from being written."""

from __future__ import annotations

import warnings

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataelem import DataElement
from ultrasound_source import IDENTITY, ultrasound

from umind.export.dicom import to_dicom_seg, to_dicom_sr, to_secondary_capture
from umind.io import read
from umind.schema.image import Clip
from umind.viz import draw

NEEDED = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
"""Type 1 in every object."""


def written(source, image, analysis, folder, frame=None):
    """The three objects about a source, written and read again."""
    objects = (
        to_dicom_seg(source, analysis, frame=frame),
        to_dicom_sr(source, analysis, frame=frame),
        to_secondary_capture(source, draw(image, analysis), frame=frame),
    )
    for number, made in enumerate(objects):
        made.save_as(folder / f"{number}.dcm")
    return [dcmread(folder / f"{number}.dcm") for number in range(len(objects))]


@pytest.mark.parametrize("without", [tuple(IDENTITY), (*IDENTITY, "SpecificCharacterSet", "Manufacturer", "Modality")])
def test_missing_identity_is_empty(tmp_path, image, analysis, without):
    for data in written(ultrasound(without=without), image, analysis, tmp_path):
        for keyword in IDENTITY:
            assert keyword in data
            assert not data[keyword].value
        assert all(data[keyword].value for keyword in NEEDED)


def test_wrong_identity_is_carried_as_it_is(tmp_path, image, analysis):
    source = ultrasound(without=("PatientSex", "PatientBirthDate"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        source.PatientSex = "female"
        source[0x00100030] = DataElement(0x00100030, "DA", "1970", already_converted=True)
    source.PatientName = "Anonymous"  # one component, at which highdicom warns
    for data in written(source, image, analysis, tmp_path):
        assert data.PatientName == "Anonymous"
        assert (data.PatientSex, data.PatientBirthDate) == ("female", "1970")


@pytest.mark.parametrize(
    ("name", "frame"), [("examples_rgb_color.dcm", None), ("examples_palette.dcm", None), ("examples_ybr_color.dcm", 7)]
)
def test_real_files(tmp_path, umind_tiny, name, frame):
    path = get_testdata_file(name, download=False)
    assert path
    opened = read(path)
    image = opened[frame] if isinstance(opened, Clip) else opened
    analysis = umind_tiny.analyze(image, ["breast lesion"], measure=["longest diameter"], threshold=0)
    source = dcmread(path)
    for data in written(path, image, analysis, tmp_path, frame):
        assert all(data[keyword].value for keyword in NEEDED)
        assert data.StudyInstanceUID == source.StudyInstanceUID
        assert data.PatientID == source.PatientID
