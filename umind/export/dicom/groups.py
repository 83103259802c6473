"""Results as the measurement groups of a structured report."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from highdicom import sr
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import generate_uid

from umind.export.dicom.concepts import concept_of
from umind.export.dicom.origin import VERSION, Origin
from umind.export.dicom.shapes import Shape, outlines_of, shapes_of
from umind.schema.result import Analysis, Classification, Detection, Keypoints, Measurement, Segmentation

PIXELS = Code("{pixels}", "UCUM", "pixels")
UNITS: Mapping[str, Code] = MappingProxyType({"px": PIXELS, "px2": PIXELS})
"""Units that UCUM writes in another way; the others are UCUM already, and mean themselves."""
QUANTITIES: Mapping[str, Code] = MappingProxyType(
    {
        **dict.fromkeys(("mm", "cm", "m", "px"), codes.SCT.Length),
        **dict.fromkeys(("mm2", "cm2", "px2"), codes.SCT.Area),
        "ml": codes.SCT.Volume,
        "deg": codes.SCT.Angle,
        "%": codes.SCT.Ratio,
    }
)
"""What a number without a code of its own is, by its unit; a finding where the unit does not tell."""
Group = sr.PlanarROIMeasurementsAndQualitativeEvaluations | sr.MeasurementsAndQualitativeEvaluations
Texts = Sequence[tuple[Code, str]]


class Groups:
    """Measurement groups of a report, all of one image.

    Args:
        origin: The image.
        model: Name of the model that looked at it; ``""`` when it has none.
    """

    def __init__(self, origin: Origin, model: str) -> None:
        header = origin.header
        self.image = (header.SOPClassUID, header.SOPInstanceUID, origin.referenced_frames)
        self.algorithm = sr.AlgorithmIdentification("umind", VERSION, parameters=[f"model={model}"] if model else None)

    def of_analysis(self, analysis: Analysis) -> Iterator[Group]:
        """Every result, the measurements of the report among the others."""
        for masks in analysis.segmentations.values():
            yield from self.of_instances(masks)
        for phrase, boxes in analysis.detections.items():
            if phrase not in analysis.segmentations:
                yield from self.of_instances(boxes)
        for points in analysis.keypoints.values():
            yield from self.of_points(points)
        told = analysis.report.measurements if analysis.report else ()
        for measurement in {id(found): found for found in (*analysis.measurements.values(), *told)}.values():
            yield self.of_measurement(measurement)
        for classification in analysis.classifications.values():
            yield self.of_classification(classification)
        if analysis.report and analysis.report.text:
            yield self.group("report", texts=((codes.DCM.Finding, analysis.report.text),))

    def of_instances(self, found: Segmentation | Detection) -> Iterator[Group]:
        """A group for each instance, or one that says absent."""
        shapes = outlines_of(found)
        for number, shape in enumerate(shapes, start=1):
            name = f"{found.phrase} {number}" if len(shapes) > 1 else found.phrase
            yield self.group(name, self.statement(found.phrase, found.presence), shape=shape)
        if not shapes:
            yield self.group(found.phrase, self.statement(found.phrase, found.presence, absent=True))

    def of_points(self, found: Keypoints) -> Iterator[Group]:
        """A group for each point, or one that says absent."""
        for name, point in zip(found.names, found.points, strict=True):
            shape = Shape(sr.GraphicTypeValues.POINT, point[None])
            yield self.group(f"{found.phrase}, {name}", self.statement(found.phrase, found.presence), shape=shape)
        if not len(found):
            yield self.group(found.phrase, self.statement(found.phrase, found.presence, absent=True))

    def of_measurement(self, found: Measurement) -> Group:
        """The number with what it was read from, or that what it measures is absent.

        One shape is the group's region; several belong to the number (TID 320).
        """
        if found.value is None or not math.isfinite(found.value):
            return self.group(found.phrase, self.statement(found.phrase, found.presence, absent=True))
        shapes = shapes_of(found)
        number = number_of(found)
        if len(shapes) > 1:
            number[0].ContentSequence.extend(
                sr.CoordinatesForMeasurement(shape.kind, shape.points, sr.SourceImageForRegion(*self.image)) for shape in shapes
            )
        parts = self.statement(found.phrase, found.presence)
        parts["measurements"].insert(0, number)
        return self.group(found.phrase, parts, shape=shapes[0] if len(shapes) == 1 else None)

    def of_classification(self, found: Classification) -> Group:
        """The label as a finding in words, with the probability of every option; or that what is classified is absent."""
        if found.label is None:
            return self.group(found.phrase, self.statement(found.phrase, found.presence, absent=True))
        shares = ", ".join(f"{label} {share:.3f}" for label, share in zip(found.labels, found.probabilities, strict=True))
        texts = ((codes.DCM.Finding, found.label), (codes.DCM.Comment, f"Probabilities: {shares}"))
        return self.group(found.phrase, self.statement(found.phrase, found.presence), texts=texts)

    def statement(self, phrase: str, presence: float, *, absent: bool = False) -> dict[str, Any]:
        """What a group says about a phrase: its codes, whether it is there, and with which probability."""
        concept = concept_of(phrase)
        status = codes.DCM.Absent if absent else codes.DCM.Present
        return {
            "finding_category": concept.category,
            "finding_type": concept.kind,
            "finding_sites": [sr.FindingSite(concept.site)] if concept.site else None,
            "measurements": [sr.Measurement(codes.DCM.Probability, float(presence), codes.UCUM.NoUnits)],
            "qualitative_evaluations": [sr.QualitativeEvaluation(codes.DCM.PresenceOfProperty, status)],
        }

    def group(
        self, name: str, parts: Mapping[str, Any] = MappingProxyType({}), *, shape: Shape | None = None, texts: Texts = ()
    ) -> Group:
        """A measurement group, TID 1410 with a shape and TID 1501 without.

        Args:
            name: Tracking Identifier.
            parts: Further arguments of highdicom's group.
            shape: The group's region.
            texts: Concepts with their values in words, which the templates, being extensible, admit.
        """
        tracking = sr.TrackingIdentifier(generate_uid(prefix=None), name)
        made: Group
        if shape is None:
            made = sr.MeasurementsAndQualitativeEvaluations(
                tracking, algorithm_id=self.algorithm, source_images=[sr.SourceImageForMeasurementGroup(*self.image)], **parts
            )
        else:
            region = sr.ImageRegion(shape.kind, shape.points, sr.SourceImageForRegion(*self.image))
            made = sr.PlanarROIMeasurementsAndQualitativeEvaluations(tracking, region, algorithm_id=self.algorithm, **parts)
        contains = sr.RelationshipTypeValues.CONTAINS
        made[0].ContentSequence.extend(sr.TextContentItem(concept, value, contains) for concept, value in texts)
        return made


def number_of(found: Measurement) -> sr.Measurement:
    """A measurement that has a value (TID 300), its spread, method and source of calibration, and any range that it leaves."""
    assert found.value is not None
    unit = UNITS.get(found.unit, Code(found.unit, "UCUM", found.unit))
    code = found.code
    name = Code(code.value, code.scheme, code.meaning) if code else QUANTITIES.get(found.unit, codes.DCM.Finding)
    number = sr.Measurement(name, float(found.value), unit)
    modifier, properties = sr.RelationshipTypeValues.HAS_CONCEPT_MOD, sr.RelationshipTypeValues.HAS_PROPERTIES
    items: list[sr.ContentItem] = []
    if found.method:
        items.append(sr.TextContentItem(codes.SCT.MeasurementMethod, found.method, modifier))
    if found.spread is not None and math.isfinite(found.spread):
        items += [
            sr.NumContentItem(bound, float(found.spread), unit, None, properties)
            for bound in (codes.SCT.RangeOfUpperMeasurementUncertainty, codes.SCT.RangeOfLowerMeasurementUncertainty)
        ]
    items.append(sr.TextContentItem(codes.DCM.Calibration, found.calibration, properties))
    items += [
        sr.TextContentItem(codes.DCM.Comment, f"Outside the valid range: {outside}", properties) for outside in breaches(found)
    ]
    number[0].ContentSequence = sr.ContentSequence(items)
    return number


def breaches(found: Measurement) -> Iterator[str]:
    """Every number that the formula does not hold for, with the range that it holds for."""
    for entry in found.ranges:
        if not entry.holds:
            yield f"{entry.name} {entry.value:.4g} {entry.unit}, the formula holds for {entry.low:g} to {entry.high:g}"
