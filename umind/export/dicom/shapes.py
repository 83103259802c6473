"""Findings and evidence as spatial coordinates of a structured report.

DICOM counts as the library does, from the top-left corner of the top-left pixel (PS3.3 C.18.6.1.1), so nothing is shifted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from highdicom.sr import GraphicTypeValues
from jaxtyping import Float
from skimage.measure import approximate_polygon, find_contours

from umind.geometry.caliper import Caliper
from umind.geometry.ellipse import Ellipse
from umind.geometry.masks import resize_logits
from umind.schema.result import Detection, Evidence, Measurement, Segmentation

TOLERANCE = 0.1
"""Pixels that an outline may be off where points are left out."""
MAX_POINTS = 8191
"""Graphic Data is a list of 32-bit floats whose length in bytes has 16 bits (PS3.5 7.1.2)."""


@dataclass(frozen=True, eq=False)
class Shape:
    """Spatial coordinates.

    Args:
        kind: Graphic Type.
        points: xy in source pixels: ends of a line, a closed outline whose last point is its first, or the ends of an ellipse's
            longer and then of its shorter axis.
    """

    kind: GraphicTypeValues
    points: Float[np.ndarray, "k 2"]


def outlines_of(found: Segmentation | Detection) -> list[Shape]:
    """Outline of each instance: the largest part of a mask, along the zero line of its logits, or the rectangle of a box."""
    if isinstance(found, Detection):
        return [polyline([(x1, y1), (x2, y1), (x2, y2), (x1, y2), (x1, y1)]) for x1, y1, x2, y2 in found.boxes]
    fields = resize_logits(found.logits, found.frame)
    return [outline_of(field) for field in fields if (field > 0).any()]


def outline_of(field: Float[np.ndarray, "h w"]) -> Shape:
    """Outline of the largest part of a map that is above zero."""
    padded = np.pad(field, 1, constant_values=min(-1.0, float(field.min())))  # closes outlines along the image's edge
    contours: list[Float[np.ndarray, "k 2"]] = find_contours(padded, 0.0)  # type: ignore[no-untyped-call]
    largest = max(contours, key=enclosed_area)
    tolerance, kept = TOLERANCE, approximate_polygon(largest, TOLERANCE)  # type: ignore[no-untyped-call]
    while len(kept) > MAX_POINTS:
        tolerance *= 2
        kept = approximate_polygon(largest, tolerance)  # type: ignore[no-untyped-call]
    return Shape(GraphicTypeValues.POLYLINE, kept[:, ::-1] - 0.5)  # centres of padded pixels to source coordinates


def enclosed_area(polygon: Float[np.ndarray, "k 2"]) -> float:
    """Area of a closed polygon, by the shoelace formula."""
    x, y = (polygon - polygon[0]).T
    return abs(float(x[:-1] @ y[1:] - x[1:] @ y[:-1])) / 2


def shapes_of(found: Measurement) -> list[Shape]:
    """What a number was read from: its calipers, ellipses and points; its masks and boxes only where there is nothing else."""
    drawn = [shape for item in found.evidence for shape in marks_of(item)]
    return drawn or [
        shape for item in found.evidence if isinstance(item, Segmentation | Detection) for shape in outlines_of(item)
    ]


def marks_of(item: Evidence) -> Iterator[Shape]:
    """A caliper, an ellipse or points; nothing for masks and boxes."""
    if isinstance(item, Caliper):
        yield polyline([item.start, item.end])
    elif isinstance(item, Ellipse):
        yield Shape(GraphicTypeValues.ELLIPSE, np.concatenate([item.long_axis, item.short_axis]))
    elif not isinstance(item, Segmentation | Detection):
        yield from (Shape(GraphicTypeValues.POINT, point[None]) for point in item.points)


def polyline(points: list[tuple[float, float]]) -> Shape:
    """A line through points."""
    return Shape(GraphicTypeValues.POLYLINE, np.array(points, np.float64))
