"""Size of a lesion: diameters, area, depth and orientation."""

from __future__ import annotations

import math

import numpy as np

from umind.geometry.caliper import Caliper
from umind.protocols.given import Given
from umind.protocols.protocol import Input, Outcome, Protocol
from umind.schema.result import Code

LESION = Input(name="lesion", kinds=("mask",))
SKIN = Input(name="skin", kinds=("points",))


def longest(given: Given) -> Outcome:
    """Largest distance between two points of the region."""
    shape = given.shape("lesion")
    return Outcome(shape.length(shape.longest), (shape.longest,))


def perpendicular(given: Given) -> Outcome:
    """Longest chord at right angles to the longest diameter."""
    shape = given.shape("lesion")
    return Outcome(shape.length(shape.perpendicular), (shape.perpendicular,))


def area(given: Given) -> Outcome:
    """Area of the mask; its ellipse is the evidence."""
    shape = given.shape("lesion")
    return Outcome(shape.area, (shape.outline.shown,))


def orientation(given: Given) -> Outcome:
    """Angle of the long axis to the skin, which lies along the image's rows: 0 to 90 degrees."""
    shape = given.shape("lesion")
    angle = abs(math.degrees(shape.ellipse.angle))
    return Outcome(angle, (shape.shown,), "not parallel, taller than wide" if angle > 45 else "parallel, wider than tall")


def depth(given: Given) -> Outcome:
    """Shortest distance from the skin's points to the region's outline."""
    skin, hull = given.placed("skin"), given.shape("lesion").hull()
    gaps = np.linalg.norm(skin[:, None] - hull[None], axis=-1)
    nearest, corner = np.unravel_index(int(gaps.argmin()), gaps.shape)
    dy, dx = given.shape("lesion").outline.scale
    (x1, y1), (x2, y2) = (skin[nearest] / [dx, dy]).tolist(), (hull[corner] / [dx, dy]).tolist()
    return Outcome(float(gaps.min()), (Caliper((x1, y1), (x2, y2)),))


LESION_PROTOCOLS = (
    Protocol(
        name="perpendicular diameter",
        words=("perpendicular", "short", "shortest", "width"),
        inputs=(LESION,),
        formula=perpendicular,
        unit="mm",
        equation="longest chord at right angles to the longest diameter (BI-RADS, 2013)",
        code=Code("103340004", "SCT", "Short Axis"),
    ),
    Protocol(
        name="area",
        words=("area",),
        inputs=(LESION,),
        formula=area,
        unit="mm2",
        equation="pixels of the region times their size",
        code=Code("42798000", "SCT", "Area"),
    ),
    Protocol(
        name="longest diameter",
        words=("longest", "long", "diameter", "length", "size"),
        inputs=(LESION,),
        formula=longest,
        unit="mm",
        equation="largest distance between two points of the region (BI-RADS, 2013)",
        code=Code("103339001", "SCT", "Long Axis"),
    ),
    Protocol(
        name="orientation",
        words=("orientation", "long axis angle"),
        inputs=(LESION,),
        formula=orientation,
        unit="deg",
        equation="angle between the long axis of the region's ellipse and the skin; parallel up to 45 degrees (BI-RADS, 2013)",
        needs="square pixels",
        code=Code("111354", "DCM", "Orientation"),
    ),
    Protocol(
        name="depth",
        words=("depth", "distance to the skin", "skin distance"),
        inputs=(LESION, SKIN),
        formula=depth,
        unit="mm",
        equation="shortest distance from the skin to the region's outline",
        code=Code("131197000", "SCT", "Depth"),
    ),
)
