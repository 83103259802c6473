"""Results as a few plain lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from umind.schema.image import UltrasoundImage
from umind.schema.result import (
    Analysis,
    Answer,
    Classification,
    Detection,
    Keypoints,
    Measurement,
    Report,
    Result,
    Segmentation,
)
from umind.viz.lettering import SOURCES, value_text


def heading(image: UltrasoundImage) -> str:
    """Name, size and scale of an image."""
    return f"{image.name}: {image.width} x {image.height} pixels, {scale(image)}"


def scale(image: UltrasoundImage) -> str:
    """Spacing and where it comes from."""
    spacing = image.spacing
    if spacing is None:
        by_region = any(region.spacing for region in image.regions)
        return "spacing by region" if by_region else "no spacing, so lengths are in pixels"
    size = f"{spacing.dx:.4g}" if spacing.is_square else f"{spacing.dx:.4g} (x) by {spacing.dy:.4g} (y)"
    return f"{size} mm per pixel ({SOURCES.get(image.calibration, image.calibration)})"


def lines(result: Result) -> Iterator[str]:
    """A result, line by line, indented where a line belongs to the one before it."""
    match result:
        case Analysis():
            yield from analysis_lines(result)
        case Segmentation() | Detection():
            yield from instance_lines(result)
        case Keypoints():
            yield from point_lines(result)
        case Measurement():
            yield from measurement_lines(result)
        case Classification():
            yield from class_lines(result)
        case Answer() | Report():
            yield from text_lines(result)


def analysis_lines(analysis: Analysis) -> Iterator[str]:
    """Everything that was asked, in the order of the command's options."""
    for phrase, found in analysis.segmentations.items():
        yield from instance_lines(found, analysis.detections.get(phrase))
    yield from (f"{name}: refused, {reason}" for name, reason in analysis.refused.items())
    for part in (analysis.measurements, analysis.classifications, analysis.keypoints):
        for result in part.values():
            yield from lines(result)
    if analysis.report is not None:
        yield f"report: {analysis.report.text or 'nothing was written'}"


def instance_lines(found: Segmentation | Detection, detection: Detection | None = None) -> Iterator[str]:
    """Count and presence of a phrase, then score and box of each instance.

    Args:
        found: Masks, or boxes.
        detection: Boxes of the same instances, to show in place of those around the masks.
    """
    count = f"{len(found)} found" if len(found) else "absent"
    yield f"{found.phrase}: {count}, presence {found.presence:.2f}"
    boxes = (detection if detection is not None and len(detection) == len(found) else found).boxes
    areas = found.masks.sum((1, 2)) if isinstance(found, Segmentation) else np.zeros(len(found), np.intp)
    for box, score, area in zip(boxes, found.scores, areas, strict=True):
        mask = f", mask of {area} px" if isinstance(found, Segmentation) else ""
        yield f"  score {score:.2f}, box x {box[0]:.1f} to {box[2]:.1f}, y {box[1]:.1f} to {box[3]:.1f}{mask}"


def point_lines(found: Keypoints) -> Iterator[str]:
    """Position and score of each point."""
    count = f"{len(found)} points" if len(found) else "absent"
    yield f"points of {found.phrase}: {count}, presence {found.presence:.2f}"
    for name, (x, y), score in zip(found.names, found.points, found.scores, strict=True):
        yield f"  {name}: x {x:.1f}, y {y:.1f}, score {score:.2f}"


def measurement_lines(found: Measurement) -> Iterator[str]:
    """Value with its spread, unit and method."""
    yield f"{found.phrase}: {value_text(found)}, presence {found.presence:.2f}"
    if found.value is not None:
        yield f"  by {found.method}"


def class_lines(found: Classification) -> Iterator[str]:
    """The label and every option's probability."""
    shares = ", ".join(f"{label} {share:.2f}" for label, share in zip(found.labels, found.probabilities, strict=True))
    yield f"{found.phrase}: {found.label or 'absent'} ({shares}), presence {found.presence:.2f}"


def text_lines(found: Answer | Report) -> Iterator[str]:
    """The text, then what it points at, without the numbers that it already holds."""
    yield found.text or "nothing was written"
    pointed: Sequence[Result] = [item for item in found.evidence if not isinstance(item, Measurement)]
    for item in pointed:
        yield from (f"  {line}" for line in lines(item))
