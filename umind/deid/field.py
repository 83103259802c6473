"""What a picture keeps: its field of view, and nothing that a scanner writes beside it."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Bool, Int32, UInt8

from umind.geometry.beams import Beams
from umind.geometry.region import UltrasoundRegion
from umind.geometry.sector import BLACK, brightest, fan_of

LETTER = 0.016
"""Strokes of letters and lines are narrower than this, in longer sides of the picture; they are taken out first."""
GAP = 0.03
"""Dark gaps between echoes up to this wide are closed, in longer sides."""
LEAST_PART = 0.2
"""Parts of the field of view (two views side by side, the two sides of a vessel) have this share of the largest one's area."""
LEAST_FIELD = 0.01
"""Share of a picture below which what is lit is no field of view."""
FLAT, PANEL = 1, 0.03
"""Neighbours that differ by no more grey levels than this, over a square of this side (in longer sides), are painted."""
STRIPS = frozenset({"M-mode", "spectral", "waveform"})
"""Kinds of region that are sound, drawn over time, and kept as a whole."""


def field_of_view(pixels: UInt8[np.ndarray, "h w *c"], regions: Sequence[UltrasoundRegion] = ()) -> Bool[np.ndarray, "h w"]:
    """Pixels that are echoes, with the dark places among them.

    Thin strokes, and areas of one colour, are taken out before what is left is grown together: a page of text beside the
    sector is not taken for a part of it. What is left is completed to its convex hull, less the
    notch above the face of a curved array.

    Args:
        pixels: A still, or the brightest value that each pixel has in a cine.
        regions: Regions of the header: the field of view is searched in the 2D ones, M-mode, spectral and wave form strips
            stay, and all else goes. Without a 2D region it is searched in the whole picture.

    Returns:
        The mask; nothing is set in a picture that shows no field of view.
    """
    grey = brightest(pixels)
    kept = np.zeros(grey.shape, bool)
    boxes = [box_in(region, grey.shape) for region in regions if region.kind == "2D"] or [(slice(None), slice(None))]
    for box in boxes:
        kept[box] |= echoes(grey[box])
    for region in regions:
        if region.kind in STRIPS:
            kept[box_in(region, grey.shape)] = True
    return kept


def box_in(region: UltrasoundRegion, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Rows and columns of a region, cut to a picture of this shape."""
    x1, y1, x2, y2 = (round(edge) for edge in region.xyxy)
    return slice(max(y1, 0), min(y2, shape[0])), slice(max(x1, 0), min(x2, shape[1]))


def echoes(grey: UInt8[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """The field of view of one view or several."""
    field = np.zeros(grey.shape, np.uint8)
    parts = parts_of(grey)
    if not parts or sum(cv2.contourArea(part) for part in parts) < LEAST_FIELD * grey.size:
        return field.astype(bool)
    outline = np.concatenate([part[:, 0] for part in parts])
    fan = fan_of(outline, (grey.shape[0], grey.shape[1]))
    for part in [outline] if fan else parts:
        cv2.fillConvexPoly(field, cv2.convexHull(part), 1)
    if fan is None:
        return field.astype(bool)
    rim = cv2.dilate(field, np.ones((3, 3), np.uint8)).astype(bool)  # soft edges; a fan fits to a pixel or two
    return np.asarray(rim & Beams.of(fan, (grey.shape[0], grey.shape[1])).inside())


def parts_of(grey: UInt8[np.ndarray, "h w"]) -> list[Int32[np.ndarray, "k 1 2"]]:
    """Outer contours of the large areas of speckle."""
    letter, gap, panel = (square(reach * max(grey.shape)) for reach in (LETTER, GAP, PANEL))
    thick = cv2.morphologyEx(grey, cv2.MORPH_OPEN, letter)
    flat = (cv2.morphologyEx(thick, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) <= FLAT) & (thick > BLACK)
    panels = cv2.morphologyEx(flat.astype(np.uint8), cv2.MORPH_OPEN, panel)
    lit = cv2.morphologyEx(((thick > BLACK) & (panels == 0)).astype(np.uint8), cv2.MORPH_OPEN, letter)
    reach = len(gap)  # or gaps close to the border of the picture
    lit = cv2.copyMakeBorder(lit, reach, reach, reach, reach, cv2.BORDER_CONSTANT)
    lit = cv2.morphologyEx(lit, cv2.MORPH_CLOSE, gap)[reach:-reach, reach:-reach]
    outlines, _ = cv2.findContours(lit, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    areas = [cv2.contourArea(outline) for outline in outlines]
    return [outline for outline, area in zip(outlines, areas, strict=True) if area >= LEAST_PART * max(areas) and area]


def square(side: float) -> UInt8[np.ndarray, "k k"]:
    """A square of about this side, an odd number of pixels."""
    return np.ones((2 * round(side / 2) + 1,) * 2, np.uint8)
