from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from highdicom.seg import segread
from pydicom import dcmread
from ultrasound_source import IDENTITY, UIDS, saved, ultrasound

from umind.export.dicom import to_dicom_seg
from umind.schema.image import UltrasoundImage


def planes(path, num_segments):
    """Masks of a file, as pydicom decodes them."""
    data = dcmread(path)
    numbers = [
        group.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        if "SegmentIdentificationSequence" in group
        else data.SharedFunctionalGroupsSequence[0].SegmentIdentificationSequence[0].ReferencedSegmentNumber
        for group in data.PerFrameFunctionalGroupsSequence
    ]
    assert numbers == list(range(1, num_segments + 1))
    return data.pixel_array.reshape(num_segments, data.Rows, data.Columns)


def test_masks_come_back(tmp_path, segmentation):
    source = saved(ultrasound(), tmp_path / "scan.dcm")
    path = tmp_path / "scan.seg.dcm"
    to_dicom_seg(source, segmentation).save_as(path)
    np.testing.assert_array_equal(planes(path, 2), segmentation.masks)
    read = segread(path)
    np.testing.assert_array_equal(
        read.get_pixels_by_source_instance([UIDS["SOPInstanceUID"]])[0], segmentation.masks.transpose(1, 2, 0)
    )


def test_one_mask_comes_back(tmp_path, segmentation):
    one = replace(segmentation, logits=segmentation.logits[:1], scores=segmentation.scores[:1])
    to_dicom_seg(ultrasound(), one).save_as(tmp_path / "one.dcm")
    np.testing.assert_array_equal(planes(tmp_path / "one.dcm", 1), one.masks)
    assert dcmread(tmp_path / "one.dcm").SegmentSequence[0].SegmentLabel == "breast lesion"


def test_masks_of_several_phrases(tmp_path, segmentation):
    cyst = replace(segmentation, logits=segmentation.logits[1:], scores=segmentation.scores[1:], phrase="cyst")
    to_dicom_seg(ultrasound(), [segmentation, cyst]).save_as(tmp_path / "seg.dcm")
    np.testing.assert_array_equal(planes(tmp_path / "seg.dcm", 3), np.concatenate([segmentation.masks, cyst.masks]))
    data = dcmread(tmp_path / "seg.dcm")
    kinds = [segment.SegmentedPropertyTypeCodeSequence[0].CodeMeaning for segment in data.SegmentSequence]
    assert kinds == ["Lesion", "Lesion", "Cyst"]
    assert data.SegmentsOverlap == "YES"


def test_one_frame_of_the_class_for_several(segmentation):
    source = ultrasound()
    source.SOPClassUID = "1.2.840.10008.5.1.4.1.1.3.1"
    written = to_dicom_seg(source, segmentation)
    assert written.SourceImageSequence[0].ReferencedSOPClassUID == source.SOPClassUID
    assert "ReferencedFrameNumber" not in written.SourceImageSequence[0]


def test_patient_study_and_references(tmp_path, analysis):
    source = saved(ultrasound(), tmp_path / "scan.dcm")
    to_dicom_seg(source, analysis, model="umind-tiny").save_as(tmp_path / "seg.dcm")
    data = dcmread(tmp_path / "seg.dcm")
    for keyword, value in IDENTITY.items():
        assert str(data[keyword].value) == value, keyword
    assert data.PatientAge == "054Y"
    assert data.SpecificCharacterSet == "ISO_IR 192"
    assert data.StudyInstanceUID == UIDS["StudyInstanceUID"]
    assert len({data.SeriesInstanceUID, data.SOPInstanceUID, *UIDS.values()}) == 5
    assert data.SOPInstanceUID.startswith("2.25.")
    assert data.Modality == "SEG"
    assert data.SeriesDescription.endswith("Research use only, not for diagnosis")
    assert data.ContentDescription == "Research use only, not for diagnosis"
    assert data.ContentQualification == "RESEARCH"
    assert "FrameOfReferenceUID" not in data
    series = data.ReferencedSeriesSequence[0]
    assert series.SeriesInstanceUID == UIDS["SeriesInstanceUID"]
    references = [series.ReferencedInstanceSequence[0], data.SourceImageSequence[0]]
    references += [group.DerivationImageSequence[0].SourceImageSequence[0] for group in data.PerFrameFunctionalGroupsSequence]
    for item in references:
        assert item.ReferencedSOPInstanceUID == UIDS["SOPInstanceUID"]
        assert item.ReferencedSOPClassUID == ultrasound().SOPClassUID
        assert "ReferencedFrameNumber" not in item
    segment = data.SegmentSequence[0]
    assert [segment.SegmentLabel for segment in data.SegmentSequence] == ["breast lesion 1", "breast lesion 2"]
    assert segment.SegmentDescription == "Score 0.900, presence 0.970"
    assert segment.SegmentedPropertyCategoryCodeSequence[0].CodeValue == "49755003"
    assert segment.SegmentedPropertyTypeCodeSequence[0].CodeValue == "52988006"
    assert segment.AnatomicRegionSequence[0].CodeValue == "76752008"
    assert segment.SegmentAlgorithmType == "AUTOMATIC"
    algorithm = segment.SegmentationAlgorithmIdentificationSequence[0]
    assert (algorithm.AlgorithmName, algorithm.AlgorithmParameters) == ("umind", "model=umind-tiny")
    assert algorithm.AlgorithmVersion == data.SoftwareVersions


def test_a_frame_of_a_cine(tmp_path, segmentation):
    source = ultrasound(num_frames=4)
    to_dicom_seg(source, segmentation, frame=2).save_as(tmp_path / "seg.dcm")
    data = dcmread(tmp_path / "seg.dcm")
    np.testing.assert_array_equal(planes(tmp_path / "seg.dcm", 2), segmentation.masks)
    assert data.SourceImageSequence[0].ReferencedFrameNumber == 3
    for group in data.PerFrameFunctionalGroupsSequence:
        assert group.DerivationImageSequence[0].SourceImageSequence[0].ReferencedFrameNumber == 3
    assert "ReferencedFrameNumber" not in data.ReferencedSeriesSequence[0].ReferencedInstanceSequence[0]
    assert source.NumberOfFrames == 4
    with pytest.raises(ValueError, match="cine of 4 frames"):
        to_dicom_seg(source, segmentation)
    with pytest.raises(ValueError, match="no frame 4; the last is 3"):
        to_dicom_seg(source, segmentation, frame=4)


def test_a_phrase_that_no_table_knows(segmentation):
    one = replace(segmentation, logits=segmentation.logits[:1], scores=segmentation.scores[:1])
    written = to_dicom_seg(ultrasound(), replace(one, phrase="a\\b 囊肿 " + "x" * 100))
    segment = written.SegmentSequence[0]
    assert segment.SegmentLabel == ("a/b 囊肿 " + "x" * 100)[:64]
    assert segment.SegmentedPropertyTypeCodeSequence[0].CodeMeaning == "Tissue"
    assert "AnatomicRegionSequence" not in segment


def test_what_cannot_be_written(tmp_path, image, segmentation, absent):
    with pytest.raises(ValueError, match="no mask"):
        to_dicom_seg(ultrasound(), absent)
    with pytest.raises(ValueError, match=r"\(60, 90\), the source is \(61, 90\)"):
        to_dicom_seg(ultrasound(61, 90), segmentation)
    with pytest.raises(ValueError, match="no SOPInstanceUID, so nothing can reference it"):
        to_dicom_seg(ultrasound(without=("SOPInstanceUID",)), segmentation)
    old = ultrasound()
    old.SOPClassUID = "1.2.840.10008.5.1.4.1.1.6"
    with pytest.raises(ValueError, match="not in use"):
        to_dicom_seg(old, segmentation)
    picture = tmp_path / "scan.png"
    picture.write_bytes(b"\x89PNG" + bytes(300))
    assert isinstance(image, UltrasoundImage)
    with pytest.raises(ValueError, match=r"scan\.png: is no DICOM file"):
        to_dicom_seg(picture, segmentation)


def test_source_stays_as_it_was(segmentation):
    source = ultrasound()
    before = source.to_json()
    to_dicom_seg(source, segmentation)
    assert source.to_json() == before
