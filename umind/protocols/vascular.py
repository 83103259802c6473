"""Arteries: thickness of the wall, diameter of the lumen, stenosis.

Of the Mannheim consensus the abstract was at hand; the segment of one centimetre on the far wall agrees with Bauer et al. 2012,
Swiss Med Wkly 142:w13705.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from umind.protocols.fetal import caliper_protocol
from umind.protocols.given import Given
from umind.protocols.protocol import Input, Outcome, Protocol
from umind.schema.result import Code, ValidRange

COMPLEX = Input(name="intima-media complex", kinds=("mask",))
SEGMENT = 10.0
"""Least length of the segment in mm (Touboul et al. 2012, Cerebrovasc Dis 34:290)."""
PER_SLAB = 1.0
"""Length along the vessel over which one thickness is taken: millimetres, pixels without spacing."""
RESIDUAL = Input(name="residual diameter", kinds=("value",), unit="mm")
REFERENCE = Input(name="reference diameter", kinds=("value",), unit="mm")
MANNHEIM = "of a plaque-free far wall over 10 mm or more (Mannheim consensus, Touboul et al. 2012, Cerebrovasc Dis 34:290)"


def thickness(of: Callable[[Float[np.ndarray, "n"]], float]) -> Callable[[Given], Outcome]:
    """A formula over the thicknesses along the vessel."""

    def formula(given: Given) -> Outcome:
        shape = given.shape(COMPLEX.name)
        axis = shape.outline.long_axis
        length = math.dist(axis[0], axis[1])
        widths = shape.outline.widths(axis, max(1, int(length / PER_SLAB))) * shape.wobble[3]
        ranges = (ValidRange("length of the segment", length, SEGMENT, math.inf, "mm"),) if given.spacing else ()
        return Outcome(of(widths), (shape.outline.shown,), ranges=ranges)

    return formula


def diameter_stenosis(given: Given) -> Outcome:
    """1 - residual diameter / reference diameter, in percent."""
    return Outcome(100 * (1 - given.values[RESIDUAL.name] / given.values[REFERENCE.name]))


def area_stenosis(given: Given) -> Outcome:
    """1 - residual lumen / lumen of the vessel, in percent."""
    residual, vessel = given.shape("residual lumen"), given.shape("vessel lumen")
    return Outcome(100 * (1 - residual.area / vessel.area), (residual.outline.shown, vessel.outline.shown))


VASCULAR_PROTOCOLS = (
    Protocol(
        name="intima-media thickness",
        words=("intima-media", "imt", "cimt", "intima media thickness"),
        inputs=(COMPLEX,),
        formula=thickness(lambda widths: float(widths.mean())),
        unit="mm",
        equation=f"mean {MANNHEIM}",
    ),
    Protocol(
        name="maximum intima-media thickness",
        words=("maximum intima-media", "maximum imt", "max imt"),
        inputs=(COMPLEX,),
        formula=thickness(lambda widths: float(widths.max())),
        unit="mm",
        equation=f"maximum {MANNHEIM}",
    ),
    caliper_protocol(
        "vessel lumen diameter",
        (),
        Input(name="lumen", kinds=("points",), points=("near wall", "far wall")),
        "intima to intima, at right angles to the vessel",
        Code("397413000", "SCT", "Vessel lumen diameter"),
    ),
    Protocol(
        name="diameter stenosis",
        words=("diameter stenosis", "stenosis"),
        inputs=(RESIDUAL, REFERENCE),
        formula=diameter_stenosis,
        unit="%",
        equation="1 - residual / reference diameter; by NASCET the reference is the distal internal carotid artery "
        "(1991, N Engl J Med 325:445)",
        needs="square pixels",
        code=Code("408715008", "SCT", "Lumen Diameter Stenosis"),
    ),
    Protocol(
        name="area stenosis",
        words=("area stenosis",),
        inputs=(Input(name="residual lumen", kinds=("mask",)), Input(name="vessel lumen", kinds=("mask",))),
        formula=area_stenosis,
        unit="%",
        equation="1 - residual / original area of the lumen in one cross-section",
        code=Code("408714007", "SCT", "Lumen Area Stenosis"),
    ),
)
