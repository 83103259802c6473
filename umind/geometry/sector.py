"""Where the sound went: the field of view of an image that says nothing about its probe, from what is not black."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Int32, UInt8

from umind.geometry.beams import Beams
from umind.geometry.probe import LinearProbe, Probe, SectorProbe

BLACK = 8
"""Grey levels up to this one are surround."""
WORKING_SIDE = 160
"""Images are shrunk to this longer side or less; the estimate is good to about a hundredth of the side."""
GAP, STROKE = 0.02, 0.05
"""Dark gaps up to the one are closed; strokes and lines of text up to the other are left out. In longer sides."""
LEAST_PART = 0.1
"""Lit regions belong to the field of view from this share of the largest one's area on."""
LEAST_TILT = math.radians(6)
"""Edges that lean less are those of a linear array."""
MOST_ERROR = 0.02
"""Root mean square distance of a straight edge's points from its line, in rows of the field of view."""
LEAST_EDGE = 0.15
"""Rows that an edge has to run through, in rows of the field of view."""
CENTRAL = 0.4
"""The far end is read off the columns up to this far from the apex, in radii."""
LEAST_FILLING = 0.7
"""A fan is believed when this share of it is lit, and this share of what is lit lies in it."""


def estimate_probe(pixels: UInt8[np.ndarray, "h w *c"]) -> Probe:
    """The probe that a B-mode image was scanned with, all lengths in pixels, x right and y down from the top left corner.

    A convex or phased array shows as two straight edges that diverge downwards; the apex is where they meet. Anything else is
    taken for a linear array, and its field of view for the box around it; so is a fan whose edges were cropped away. A fan
    stands upright here: one that is cut or steered keeps its apex, and its half angle is that of the farther edge.

    Args:
        pixels: Image with a black surround, uint8, grey or colour.

    Returns:
        A probe in pixels; an image without any echo is all field of view.
    """
    grey = brightest(pixels)
    height, width = grey.shape
    shrink = math.ceil(max(height, width) / WORKING_SIDE)
    small = cv2.resize(grey, (width // shrink, height // shrink), interpolation=cv2.INTER_AREA)
    outline = outline_of(small)
    if not len(outline):
        return LinearProbe(0.0, float(width), 0.0, float(height))
    return scaled(fan_of(outline, small.shape) or box_of(outline), height / small.shape[0])


def insonified(pixels: UInt8[np.ndarray, "h w *c"]) -> Bool[np.ndarray, "h w"]:
    """What is lit, with the dark gaps in it and without the text beside it."""
    grey = brightest(pixels)
    region = np.zeros(grey.shape, np.uint8)
    cv2.drawContours(region, parts_of(grey), -1, 1, cv2.FILLED)
    return region.astype(bool)


def brightest(pixels: UInt8[np.ndarray, "h w *c"]) -> UInt8[np.ndarray, "h w"]:
    """The brightest channel."""
    return pixels if pixels.ndim == 2 else pixels[..., 0] if pixels.shape[2] == 1 else pixels.max(2)


def scaled(probe: Probe, scale: float) -> Probe:
    """The same probe in pixels of another size."""
    if isinstance(probe, LinearProbe):
        return LinearProbe(probe.left * scale, probe.right * scale, probe.top * scale, probe.depth * scale)
    return SectorProbe(
        probe.apex_x * scale, probe.apex_y * scale, probe.face_radius * scale, probe.depth * scale, probe.half_angle
    )


def outline_of(pixels: UInt8[np.ndarray, "h w"]) -> Int32[np.ndarray, "k 2"]:
    """Contour points, xy pixel indices, of all that is lit; none when all is black."""
    return np.concatenate([np.zeros((0, 2), np.int32), *(part[:, 0] for part in parts_of(pixels))])


def parts_of(pixels: UInt8[np.ndarray, "h w"]) -> list[Int32[np.ndarray, "k 1 2"]]:
    """Outer contours of the large lit regions: a vessel or a head may part the field of view in two."""
    gap, stroke = (2 * round(reach * max(pixels.shape) / 2) + 1 for reach in (GAP, STROKE))
    lit = cv2.copyMakeBorder((pixels > BLACK).astype(np.uint8), gap, gap, gap, gap, cv2.BORDER_CONSTANT)  # or gaps close to it
    lit = cv2.morphologyEx(lit, cv2.MORPH_CLOSE, np.ones((gap, gap), np.uint8))[gap:-gap, gap:-gap]
    lit = cv2.morphologyEx(lit, cv2.MORPH_OPEN, np.ones((stroke, stroke), np.uint8))
    outlines, _ = cv2.findContours(lit, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    areas = [cv2.contourArea(outline) for outline in outlines]
    return [outline for outline, area in zip(outlines, areas, strict=True) if area >= LEAST_PART * max(areas)]


def box_of(outline: Int32[np.ndarray, "k 2"]) -> LinearProbe:
    """A linear array whose field of view is the box around an outline."""
    x, y, width, height = cv2.boundingRect(outline)
    return LinearProbe(float(x), float(x + width), float(y), float(height))


def fan_of(outline: Int32[np.ndarray, "k 2"], shape: tuple[int, int]) -> SectorProbe | None:
    """A convex array whose field of view has this outline; None when it has no such edges."""
    hull = np.zeros(shape, np.uint8)
    cv2.fillConvexPoly(hull, cv2.convexHull(outline), 1)
    rows = np.flatnonzero(hull.any(1))
    left, right = edge_of(hull[rows]), edge_of(hull[rows, ::-1])
    if left is None or right is None:
        return None
    row = (left.start + right.start - shape[1]) / (left.lean + right.lean)  # where they meet, from the first row's centre
    apex = np.array([left.start - left.lean * row, row + rows[0] + 0.5])
    points = outline + 0.5 - apex
    radii = np.sort(np.hypot(*points[points[:, 1] > 0].T))
    central = radii[-1] * CENTRAL
    far = np.sort(np.hypot(*points[(np.abs(points[:, 0]) < central) & (points[:, 1] > radii[-1] / 2)].T))
    if not len(far):
        return None
    face = max(0.0, float(radii[len(radii) // 100]) - 0.5)
    depth = float(far[len(far) * 4 // 5]) + 0.5 - face
    probe = SectorProbe(float(apex[0]), float(apex[1]), face, depth, math.atan(max(left.lean, right.lean)))
    fan = Beams.of(probe, shape).inside()
    shared = np.count_nonzero(fan & (hull > 0))
    return probe if shared >= LEAST_FILLING * max(np.count_nonzero(fan), np.count_nonzero(hull)) else None


@dataclass(frozen=True)
class Edge:
    """A straight side of a fan: ``column = start - lean * row``."""

    start: float
    lean: float


def edge_of(hull: UInt8[np.ndarray, "h w"]) -> Edge | None:
    """The left side of a hull, from the first row to where it is farthest out; None when that is no leaning line."""
    boundary = hull.argmax(1).astype(np.float64)
    end = int(np.argmax(boundary <= boundary.min() + 1))
    if end < max(LEAST_EDGE * len(hull), 4):
        return None
    rows = np.arange(end // 10, end - end // 20)
    columns = boundary[rows]
    centred = rows - rows.mean()
    lean = -float(centred @ columns) / float(centred @ centred)
    start = float(columns.mean() + lean * rows.mean())
    error = float(np.sqrt(np.mean((start - lean * rows - columns) ** 2)))
    return Edge(start, lean) if lean > math.tan(LEAST_TILT) and error < MOST_ERROR * len(hull) else None
