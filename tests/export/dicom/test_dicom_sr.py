from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from highdicom.sr import MeasurementReport, srread
from pydicom import dcmread
from pydicom.sr.codedict import codes
from skimage.measure import label
from ultrasound_source import IDENTITY, UIDS, saved, ultrasound

from umind.export.dicom import to_dicom_sr
from umind.geometry.ellipse import Ellipse
from umind.schema.result import Analysis, Measurement, ValidRange


def items(data, kind=None):
    """Content items in order, of one value type or of all."""
    for item in data.get("ContentSequence", ()):
        if kind in (None, item.ValueType):
            yield item
        yield from items(item, kind)


def concept(item):
    return item.ConceptNameCodeSequence[0].CodeMeaning


def texts(data):
    return {(concept(item), item.TextValue) for item in items(data, "TEXT")}


def group(data, name):
    """The measurement group with a tracking identifier."""
    found = [
        item
        for item in items(data, "CONTAINER")
        if any(concept(child) == "Tracking Identifier" and child.TextValue == name for child in item.ContentSequence)
    ]
    assert len(found) == 1, name
    return found[0]


def written(analysis, folder, *, source=None, **options):
    to_dicom_sr(source or ultrasound(), analysis, **options).save_as(folder / "sr.dcm")
    return dcmread(folder / "sr.dcm")


def only(measurement):
    return Analysis({}, detections={}, keypoints={}, measurements={"it": measurement}, classifications={})


def test_patient_study_and_references(tmp_path, analysis):
    data = written(analysis, tmp_path, source=saved(ultrasound(), tmp_path / "scan.dcm"), model="umind-tiny")
    for keyword, value in IDENTITY.items():
        assert str(data[keyword].value) == value, keyword
    assert data.StudyInstanceUID == UIDS["StudyInstanceUID"]
    assert len({data.SeriesInstanceUID, data.SOPInstanceUID, *UIDS.values()}) == 5
    assert (data.Modality, data.CompletionFlag, data.VerificationFlag) == ("SR", "COMPLETE", "UNVERIFIED")
    assert (data.PreliminaryFlag, data.ContentQualification) == ("PRELIMINARY", "RESEARCH")
    assert data.SeriesDescription.endswith("Research use only, not for diagnosis")
    evidence = data.CurrentRequestedProcedureEvidenceSequence[0]
    assert evidence.StudyInstanceUID == UIDS["StudyInstanceUID"]
    assert evidence.ReferencedSeriesSequence[0].SeriesInstanceUID == UIDS["SeriesInstanceUID"]
    images = list(items(data, "IMAGE"))
    assert len(images) > 5
    for item in images:
        reference = item.ReferencedSOPSequence[0]
        assert reference.ReferencedSOPInstanceUID == UIDS["SOPInstanceUID"]
        assert "ReferencedFrameNumber" not in reference
    said = texts(data)
    assert ("Algorithm Parameters", "model=umind-tiny") in said
    assert any(name == "Comment" and text.startswith("Research use only, not for diagnosis") for name, text in said)


def test_numbers_are_those_of_json(tmp_path, analysis):
    measurement = replace(analysis.measurements["lesion size"], value=82.41234567890123, spread=1.0 / 3.0)
    analysis = replace(analysis, measurements={"lesion size": measurement}, report=None)
    stored = json.loads(json.dumps(analysis.to_dict()))["measurements"]["lesion size"]
    numbers = {concept(item): item for item in items(group(written(analysis, tmp_path), "lesion size"), "NUM")}
    wanted = {
        "Head Circumference": stored["value"],
        "+, range of upper measurement uncertainty": stored["spread"],
        "-, range of lower measurement uncertainty": stored["spread"],
        "Probability": stored["presence"],
    }
    assert {name: item.MeasuredValueSequence[0].FloatingPointValue for name, item in numbers.items()} == wanted
    units = [item.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0] for item in numbers.values()]
    assert [unit.CodeValue for unit in units] == ["mm", "mm", "mm", "1"]
    assert {unit.CodingSchemeDesignator for unit in units} == {"UCUM"}
    code = numbers["Head Circumference"].ConceptNameCodeSequence[0]
    assert (code.CodeValue, code.CodingSchemeDesignator) == ("11984-2", "LN")
    said = {
        (concept(item), item.TextValue) for item in numbers["Head Circumference"].ContentSequence if item.ValueType == "TEXT"
    }
    assert said == {("Measurement Method", "longest diameter, 2024"), ("Calibration", "user")}


def test_one_shape_is_the_region(tmp_path, analysis):
    found = analysis.measurements["lesion size"]
    caliper, _, segmentation, _ = found.evidence
    drawn = group(written(only(replace(found, evidence=(caliper, segmentation))), tmp_path), "lesion size")
    (region,) = items(drawn, "SCOORD")
    assert (concept(region), region.GraphicType) == ("Image Region", "POLYLINE")
    assert list(region.GraphicData) == [10, 10, 40, 20]
    assert drawn.ContentTemplateSequence[0].TemplateIdentifier == "1410"
    round_one = Ellipse(45.0, 30.0, 20.0, 10.0, 0.0)
    (region,) = items(written(only(replace(found, evidence=(round_one, segmentation))), tmp_path), "SCOORD")
    assert region.GraphicType == "ELLIPSE"
    np.testing.assert_allclose(region.GraphicData, [25, 30, 65, 30, 45, 20, 45, 40], atol=1e-5)
    several = group(written(only(found), tmp_path), "lesion size")
    assert [item.GraphicType for item in items(several, "SCOORD")] == ["POLYLINE", "ELLIPSE", "POINT", "POINT"]
    assert several.ContentTemplateSequence[0].TemplateIdentifier == "1501"
    bare = group(written(only(replace(found, evidence=())), tmp_path), "lesion size")
    assert list(items(bare, "SCOORD")) == []


def test_outlines_hold_the_masks(tmp_path, analysis, segmentation):
    ys, xs = np.mgrid[:32, :32]
    logits = np.stack([7.0 - np.hypot(xs - 15, ys - 16), 5.0 - np.hypot(xs - 30, ys - 12)]).astype(np.float32)  # one is cut
    logits[0, 8, 28] = 1.0  # a speck that is no part of the outline
    found = replace(segmentation, logits=logits)
    data = written(replace(analysis, segmentations={"breast lesion": found}), tmp_path)
    for number, mask in enumerate(found.masks, start=1):
        (region,) = items(group(data, f"breast lesion {number}"), "SCOORD")
        points = np.array(region.GraphicData).reshape(-1, 2)
        np.testing.assert_array_equal(points[0], points[-1])
        parts = label(mask)
        rows, columns = np.nonzero(parts == np.bincount(parts[mask]).argmax())
        x, y = points.T
        assert abs(x[:-1] @ y[1:] - x[1:] @ y[:-1]) / 2 == pytest.approx(len(rows), rel=0.04)
        edges = [columns.min(), columns.max() + 1, rows.min(), rows.max() + 1]
        np.testing.assert_allclose([x.min(), x.max(), y.min(), y.max()], edges, atol=0.75)


def test_findings_are_coded_with_their_site(tmp_path, analysis):
    found = group(written(analysis, tmp_path), "breast lesion 1")
    said = {concept(item): item.ConceptCodeSequence[0].CodeMeaning for item in items(found, "CODE")}
    assert said == {
        "Finding category": "Morphologically Abnormal Structure",
        "Finding": "Lesion",
        "Finding Site": "Breast",
        "Presence of property": "Present",
    }


def test_boxes_points_classes_and_the_report(tmp_path, analysis):
    data = written(replace(analysis, segmentations={}), tmp_path)
    (box,) = items(group(data, "breast lesion"), "SCOORD")
    assert list(box.GraphicData) == [10.5, 5, 30, 5, 30, 25, 10.5, 25, 10.5, 5]
    (point,) = items(group(data, "left ventricle, apex"), "SCOORD")
    assert (point.GraphicType, list(point.GraphicData)) == ("POINT", [20, 30.25])
    assert ("Finding", "benign") in texts(group(data, "lesion"))
    assert ("Comment", "Probabilities: benign 0.750, malignant 0.250") in texts(group(data, "lesion"))
    assert ("Finding", "There is a lesion of 12.3 mm.") in texts(group(data, "report"))


def test_absent_is_said_without_numbers(tmp_path, absent):
    data = written(absent, tmp_path)
    names = [item.TextValue for item in items(data, "TEXT") if concept(item) == "Tracking Identifier"]
    assert names == ["cyst", "femur", "femur length", "cyst"]
    statuses = [item for item in items(data, "CODE") if concept(item) == "Presence of property"]
    assert {item.ConceptCodeSequence[0].CodeMeaning for item in statuses} == {"Absent"}
    assert {concept(item) for item in items(data, "NUM")} == {"Probability"}
    assert list(items(data, "SCOORD")) == []


@pytest.mark.parametrize(
    ("unit", "code", "name"),
    [
        ("px", "{pixels}", "Length"),
        ("px2", "{pixels}", "Area"),
        ("ml", "ml", "Volume"),
        ("%", "%", "Ratio"),
        ("g", "g", "Finding"),
    ],
)
def test_numbers_without_a_code(tmp_path, analysis, unit, code, name):
    found = replace(analysis.measurements["lesion size"], unit=unit, code=None, spread=None)
    number = next(items(written(only(found), tmp_path), "NUM"))
    assert concept(number) == name
    assert number.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue == code
    assert not any(item.ValueType == "NUM" for item in number.ContentSequence)


def test_a_number_outside_its_range_says_so(tmp_path, analysis):
    ranges = (ValidRange("femur length", 8.9, 1.0, 8.0, "cm"), ValidRange("head circumference", 30.1, 5.0, 38.0, "cm"))
    found = replace(analysis.measurements["lesion size"], ranges=ranges)
    number = next(items(written(only(found), tmp_path), "NUM"))
    comments = [item.TextValue for item in number.ContentSequence if concept(item) == "Comment"]
    assert comments == ["Outside the valid range: femur length 8.9 cm, the formula holds for 1 to 8"]


def test_highdicom_reads_it(tmp_path, analysis):
    to_dicom_sr(ultrasound(), analysis).save_as(tmp_path / "sr.dcm")
    content = srread(tmp_path / "sr.dcm").content
    assert isinstance(content, MeasurementReport)
    planar = content.get_planar_roi_measurement_groups(finding_type=codes.SCT.Lesion)
    assert len(planar) == 2
    np.testing.assert_allclose(planar[0].roi.value[0], planar[0].roi.value[-1])


def test_a_frame_of_a_cine(tmp_path, analysis):
    data = written(analysis, tmp_path, source=ultrasound(num_frames=5), frame=4)
    assert {item.ReferencedSOPSequence[0].ReferencedFrameNumber for item in items(data, "IMAGE")} == {5}


def test_nothing_to_report():
    empty = Analysis({}, detections={}, keypoints={}, measurements={}, classifications={})
    with pytest.raises(ValueError, match="analysis is empty"):
        to_dicom_sr(ultrasound(), empty)


def test_a_number_that_is_none_is_absent(tmp_path, analysis):
    found = replace(analysis.measurements["lesion size"], value=float("nan"))
    assert isinstance(found, Measurement)
    assert {concept(item) for item in items(written(only(found), tmp_path), "NUM")} == {"Probability"}
