from __future__ import annotations

import pytest
from pydicom import dcmread
from required_attributes import faults
from ultrasound_source import ultrasound

from umind.export.dicom import to_dicom_seg, to_dicom_sr, to_secondary_capture
from umind.viz import draw


@pytest.mark.parametrize("num_frames", [1, 3])
def test_every_required_attribute_is_there(tmp_path, image, analysis, num_frames):
    source, frame = ultrasound(num_frames=num_frames), 1 if num_frames > 1 else None
    objects = {
        "seg": to_dicom_seg(source, analysis, frame=frame),
        "sr": to_dicom_sr(source, analysis, frame=frame),
        "sc": to_secondary_capture(source, draw(image, analysis), frame=frame),
    }
    for name, made in objects.items():
        path = tmp_path / f"{name}.dcm"
        made.save_as(path, enforce_file_format=True)
        assert faults(dcmread(path)) == [], name
        assert name == "sr" or "PatientOrientation" in dcmread(path)  # Type 2C without planes in the patient


def test_a_missing_attribute_is_seen(analysis):
    made = to_dicom_seg(ultrasound(), analysis)
    del made.PatientName
    made.SegmentSequence[0].SegmentLabel = ""
    assert faults(made) == ["patient: PatientName (Type 2)", "segmentation-image: SegmentSequence.SegmentLabel (Type 1)"]
