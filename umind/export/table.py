"""Analyses as comma-separated values, one row for each finding and measurement."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from io import StringIO

from umind.schema.result import Analysis, Classification, Detection, Keypoints, Measurement, Segmentation

COLUMNS = (
    *("image", "kind", "phrase", "name", "presence", "score", "value", "unit", "spread", "in_range"),
    *("method", "calibration", "code", "x1", "y1", "x2", "y2"),
)
Row = dict[str, str | float | None]


def to_csv(analyses: Analysis | Iterable[Analysis]) -> str:
    r"""Analyses as a table with a header line, rows ended by ``\n``.

    ``kind`` is ``segmentation``, ``detection``, ``keypoint``, ``measurement``, ``refused`` (a measurement that the image
    cannot give), ``classification`` or ``finding``, a sentence of the report. What is absent has one row with its presence
    and no name, score or value. ``name`` is the instance's number, the keypoint, the class, or why a measurement is
    refused; ``score`` its confidence or probability. ``in_range`` is ``yes`` where a formula was used inside its range,
    ``no`` outside, and empty where no range is known. Boxes are xyxy in source pixels, a keypoint is in ``x1``, ``y1``. A
    text that a spreadsheet would run as a formula gets an apostrophe in front.

    Args:
        analyses: One, or any number.
    """
    out = StringIO()
    writer = csv.DictWriter(out, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for analysis in [analyses] if isinstance(analyses, Analysis) else analyses:
        for row in rows_of(analysis):
            writer.writerow({column: cell(value) for column, value in row.items()})
    return out.getvalue()


def cell(value: str | float | None) -> str:
    """A value as text: numbers to six significant digits, nothing for None, formulas disarmed."""
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
    return f"{value:.6g}"


def rows_of(analysis: Analysis) -> Iterator[Row]:
    """The rows of one analysis."""
    for phrase, segmentation in analysis.segmentations.items():
        yield from instance_rows(analysis.name, "segmentation", phrase, segmentation)
    for phrase, detection in analysis.detections.items():
        yield from instance_rows(analysis.name, "detection", phrase, detection)
    for phrase, keypoints in analysis.keypoints.items():
        yield from keypoint_rows(analysis.name, phrase, keypoints)
    for phrase, measurement in analysis.measurements.items():
        yield measurement_row(analysis.name, phrase, measurement)
    for phrase, reason in analysis.refused.items():
        yield {"image": analysis.name, "kind": "refused", "phrase": phrase, "name": reason}
    for phrase, classification in analysis.classifications.items():
        yield from class_rows(analysis.name, phrase, classification)
    if analysis.report is None:
        return
    for sentence in analysis.report.findings:
        yield {"image": analysis.name, "kind": "finding", "phrase": sentence}
    known = {id(measurement) for measurement in analysis.measurements.values()}
    for measurement in analysis.report.measurements:
        if id(measurement) not in known:
            yield measurement_row(analysis.name, measurement.phrase, measurement)


def instance_rows(image: str, kind: str, phrase: str, found: Segmentation | Detection) -> Iterator[Row]:
    """One row for each mask or box, or one that says absent."""
    row: Row = {"image": image, "kind": kind, "phrase": phrase, "presence": found.presence}
    if not len(found):
        yield row
    for number, (box, score) in enumerate(zip(found.boxes, found.scores, strict=True), start=1):
        edges: Row = dict(zip(("x1", "y1", "x2", "y2"), map(float, box), strict=True))
        yield row | {"name": str(number), "score": float(score)} | edges


def keypoint_rows(image: str, phrase: str, found: Keypoints) -> Iterator[Row]:
    """One row for each point, or one that says absent."""
    row: Row = {"image": image, "kind": "keypoint", "phrase": phrase, "presence": found.presence}
    if not len(found):
        yield row
        return
    for name, (x, y), score in zip(found.names, found.points, found.scores, strict=True):
        yield row | {"name": name, "score": float(score), "x1": float(x), "y1": float(y)}


def measurement_row(image: str, phrase: str, found: Measurement) -> Row:
    """The row of a measurement; without a value it has no unit either."""
    there = found.value is not None
    return {
        "image": image,
        "kind": "measurement",
        "phrase": phrase,
        "presence": found.presence,
        "value": found.value,
        "unit": found.unit if there else None,
        "spread": found.spread,
        "in_range": None if found.in_range is None else "yes" if found.in_range else "no",
        "method": found.method,
        "calibration": found.calibration,
        "code": f"{found.code.scheme} {found.code.value}" if found.code else None,
    }


def class_rows(image: str, phrase: str, found: Classification) -> Iterator[Row]:
    """One row for each option, or one that says absent."""
    row: Row = {"image": image, "kind": "classification", "phrase": phrase, "presence": found.presence}
    if found.label is None:
        yield row
        return
    for label, probability in zip(found.labels, found.probabilities, strict=True):
        yield row | {"name": label, "score": float(probability)}
