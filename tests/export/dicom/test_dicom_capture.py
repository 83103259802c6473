from __future__ import annotations

import numpy as np
from pydicom import dcmread
from ultrasound_source import IDENTITY, UIDS, saved, ultrasound

from umind.export.dicom import to_secondary_capture
from umind.viz import draw


def test_picture_comes_back(tmp_path, image, analysis):
    picture = draw(image, analysis)
    source = saved(ultrasound(), tmp_path / "scan.dcm")
    to_secondary_capture(source, picture).save_as(tmp_path / "sc.dcm")
    data = dcmread(tmp_path / "sc.dcm")
    np.testing.assert_array_equal(data.pixel_array, np.asarray(picture))
    for keyword, value in IDENTITY.items():
        assert str(data[keyword].value) == value, keyword
    assert data.SOPClassUID == "1.2.840.10008.5.1.4.1.1.7"
    assert data.StudyInstanceUID == UIDS["StudyInstanceUID"]
    assert len({data.SeriesInstanceUID, data.SOPInstanceUID, *UIDS.values()}) == 5
    assert data.SourceImageSequence[0].ReferencedSOPInstanceUID == UIDS["SOPInstanceUID"]
    assert data.SeriesDescription.endswith("Research use only, not for diagnosis")
    assert data.ContentQualification == "RESEARCH"
    assert (data.LossyImageCompression, data.BurnedInAnnotation, data.ConversionType) == ("01", "NO", "DI")
    assert not data.PatientOrientation
    assert "PixelSpacing" not in data


def test_frame_of_a_cine_is_referenced(image):
    written = to_secondary_capture(ultrasound(num_frames=3), draw(image, []), frame=0)
    assert written.SourceImageSequence[0].ReferencedFrameNumber == 1
