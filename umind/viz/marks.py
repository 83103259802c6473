"""How each kind of finding looks on the image."""

from __future__ import annotations

import math
from collections.abc import Collection

import numpy as np
from jaxtyping import Float
from skimage.measure import find_contours

from umind.geometry.caliper import Caliper
from umind.geometry.ellipse import Ellipse
from umind.geometry.masks import resize_logits
from umind.schema.result import Detection, Evidence, Keypoints, Measurement, Segmentation
from umind.viz.canvas import Canvas
from umind.viz.lettering import value_text
from umind.viz.palette import Colour

FILL = 0.16
"""Opacity of a mask; speckle has to stay readable under it."""
DEVIATIONS = 2.0
"""Radius of a keypoint's ellipse in standard deviations, which holds 86 % of a Gaussian in the plane."""
NUM_CORNERS = 96
"""Corners of the polygon that stands for an ellipse."""


def mark(
    canvas: Canvas, item: Evidence | Measurement, colour: Colour, *, quiet: bool = False, known: Collection[int] = ()
) -> None:
    """Draw a finding.

    Args:
        canvas: What to draw on.
        item: A result with a place in the image, or a piece of evidence.
        colour: Of its lines.
        quiet: It is evidence of something that has its own label: no fill, no words.
        known: The ``id`` of every result that is drawn for itself; as the evidence of a number it is not drawn again.
    """
    if isinstance(item, Segmentation):
        mark_masks(canvas, item, colour, quiet=quiet)
    elif isinstance(item, Detection):
        mark_boxes(canvas, item, colour, quiet=quiet)
    elif isinstance(item, Keypoints):
        mark_points(canvas, item, colour, quiet=quiet)
    elif isinstance(item, Caliper):
        mark_caliper(canvas, item, colour)
    elif isinstance(item, Ellipse):
        canvas.line(polygon_of(item), colour, closed=True)
    else:
        mark_measurement(canvas, item, colour, known)


def mark_masks(canvas: Canvas, found: Segmentation, colour: Colour, *, quiet: bool = False) -> None:
    """Masks as a light fill and a smooth outline: the zero line of the logits, interpolated at canvas size."""
    for field, score in zip(resize_logits(found.logits, canvas.frame(found.frame)), found.scores, strict=True):
        if not quiet:
            canvas.tint(field > 0, colour, FILL)
        edge = np.pad(field, 1, constant_values=min(-1.0, float(field.min())))  # closes outlines along the image's edge
        contours: list[Float[np.ndarray, "k 2"]] = find_contours(edge, 0.0)  # type: ignore[no-untyped-call]
        outlines = [contour[:, ::-1] - 0.5 for contour in contours]  # centres of padded pixels to canvas coordinates
        for outline in outlines:
            canvas.line(outline, colour, width=1.2 if quiet else 1.8, closed=True, on_canvas=True)
        if outlines and not quiet and len(found) > 1:
            longest = max(outlines, key=len)
            canvas.label(f"{score:.2f}", [longest[longest[:, 1].argmin()] / canvas.scale], colour, size=12)


def mark_boxes(canvas: Canvas, found: Detection, colour: Colour, *, quiet: bool = False) -> None:
    """Boxes as thin rectangles with strong corners, the score above."""
    for (x1, y1, x2, y2), score in zip(found.boxes, found.scores, strict=True):
        corners = np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]], np.float64)
        canvas.line(corners, colour, width=1.0, closed=True)
        reach = 0.18 * min(x2 - x1, y2 - y1)
        for corner, after, before in zip(corners, np.roll(corners, -1, 0), np.roll(corners, 1, 0), strict=True):
            arms = [corner + reach * (end - corner) / max(float(np.hypot(*(end - corner))), 1e-6) for end in (before, after)]
            canvas.line(np.array([arms[0], corner, arms[1]]), colour, width=2.6)
        if not quiet:
            canvas.label(f"{score:.2f}", [(x1, y1), (x2, y1)], colour, size=12)


def mark_points(canvas: Canvas, found: Keypoints, colour: Colour, *, quiet: bool = False) -> None:
    """Points as small crosses, each in the ellipse of its covariance, with its name."""
    for point, name, covariance in zip(found.points, found.names, found.covariances, strict=True):
        mark_cross(canvas, point, colour)
        if np.isfinite(covariance).all():
            values, vectors = np.linalg.eigh(covariance.astype(np.float64))
            radii = DEVIATIONS * np.sqrt(np.clip(values, 0, None))
            canvas.line(point + circle() * radii @ vectors.T, colour, width=0.8, closed=True)
        if not quiet:
            canvas.label(name, [point], colour, size=12)


def mark_caliper(canvas: Canvas, item: Caliper, colour: Colour) -> None:
    """A dotted line between two crosses, as carts draw it."""
    start, end = np.array(item.start, np.float64), np.array(item.end, np.float64)
    dash = 5.0 * canvas.unit / canvas.scale
    length = float(np.hypot(*(end - start)))
    if math.isfinite(length):
        count = max(1, min(round(length / (2 * dash)), 1000))
        for number in range(count):
            stretch = [start + (end - start) * (number + share) / count for share in (0.25, 0.75)]
            canvas.line(np.array(stretch), colour, width=1.2)
    for point in (start, end):
        mark_cross(canvas, point, colour)


def mark_cross(canvas: Canvas, point: Float[np.ndarray, "2"], colour: Colour) -> None:
    """A small upright cross."""
    arm = 6.0 * canvas.unit / canvas.scale
    for direction in ((arm, 0.0), (0.0, arm)):
        canvas.line(np.array([point - direction, point + direction]), colour, width=1.6)


def mark_measurement(canvas: Canvas, found: Measurement, colour: Colour, known: Collection[int] = ()) -> None:
    """What a number was read from, and the number beside it; nothing when it is absent."""
    if found.value is None:
        return
    anchors: list[Float[np.ndarray, "2"]] = []
    for item in found.evidence:
        if id(item) not in known:
            mark(canvas, item, colour, quiet=True)
        if isinstance(item, Caliper):
            anchors += sorted((np.array(item.start), np.array(item.end)), key=lambda point: -point[0])
        elif isinstance(item, Ellipse):
            rim = polygon_of(item)
            anchors += [rim[rim[:, 0].argmax()], rim[rim[:, 1].argmin()], rim[rim[:, 1].argmax()]]
        elif isinstance(item, Keypoints):
            anchors += list(item.points)
        elif len(item):
            x1, y1, x2, _ = item.boxes[0]
            anchors += [np.array([x2, y1]), np.array([x1, y1])]
    canvas.label(value_text(found), anchors, colour, size=14)


def polygon_of(ellipse: Ellipse) -> Float[np.ndarray, "k 2"]:
    """Points xy along an ellipse."""
    cosine, sine = math.cos(ellipse.angle), math.sin(ellipse.angle)
    along = circle() * (ellipse.semi_major, ellipse.semi_minor)
    points: Float[np.ndarray, "k 2"] = along @ np.array([[cosine, sine], [-sine, cosine]]) + (ellipse.x, ellipse.y)
    return points


def circle() -> Float[np.ndarray, "k 2"]:
    """Points xy along the unit circle."""
    angles = np.linspace(0, 2 * math.pi, NUM_CORNERS, endpoint=False)
    return np.stack([np.cos(angles), np.sin(angles)], 1)
