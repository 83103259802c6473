"""Measurement protocols: from a region to a number, with its formula, code and spread."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
from jaxtyping import Bool

from umind.geometry.caliper import Caliper, diameters_of_mask
from umind.geometry.ellipse import Ellipse, ellipse_of_mask
from umind.geometry.masks import area_of_mask
from umind.geometry.spacing import Spacing
from umind.schema.result import Code

Mask = Bool[np.ndarray, "h w"]
Scales = Sequence[float]
"""A factor for each of `umind.decoders.measure.lengths.LENGTHS`."""
AS_DRAWN: Scales = (1.0, 1.0, 1.0, 1.0)
"""The mask is the truth, or all that is known of it."""


@dataclass(frozen=True)
class Reading:
    """What a protocol reads off a region.

    Args:
        value: Millimetres or square millimetres; pixels without spacing.
        evidence: The geometry in source pixels.
        weights: How much relative error of each of ``LENGTHS`` goes into the value (delta method).
        scale: The value over what the mask alone shows.
    """

    value: float
    evidence: Caliper | Ellipse
    weights: tuple[float, float, float, float]
    scale: float = 1.0


@dataclass(frozen=True)
class Protocol:
    """A way to measure.

    Args:
        name: Canonical name.
        words: Words that name it; the first protocol with one of them in the phrase is used.
        dimension: Length or area.
        method: Formula and its source.
        code: Coded concept.
        read: From a mask in source pixels, its spacing, and what the mask's ``LENGTHS`` have to be multiplied by.
    """

    name: str
    words: tuple[str, ...]
    dimension: Literal["length", "area"]
    method: str
    code: Code
    read: Callable[[Mask, Spacing | None, Scales], Reading]


def ellipses(mask: Mask, spacing: Spacing | None, scales: Scales) -> tuple[Ellipse, Ellipse]:
    """The region's ellipse in source pixels, and in millimetres (pixels without spacing)."""
    _, _, major, minor = scales
    in_pixels = ellipse_of_mask(mask).stretched(major, minor)
    if spacing is None:
        return in_pixels, in_pixels
    return in_pixels, ellipse_of_mask(mask, (spacing.dy, spacing.dx)).stretched(major, minor)


def read_circumference(mask: Mask, spacing: Spacing | None, scales: Scales) -> Reading:
    """Circumference of the region's ellipse."""
    shown, sized = ellipses(mask, spacing, scales)
    drawn = sized.stretched(1 / scales[2], 1 / scales[3])
    return Reading(sized.circumference, shown, (0.0, 0.0, *axis_shares(sized)), sized.circumference / drawn.circumference)


def read_long_axis(mask: Mask, spacing: Spacing | None, scales: Scales) -> Reading:
    """Longer axis of the region's ellipse."""
    shown, sized = ellipses(mask, spacing, scales)
    return Reading(2 * sized.semi_major, shown, (0.0, 0.0, 1.0, 0.0), scales[2])


def read_short_axis(mask: Mask, spacing: Spacing | None, scales: Scales) -> Reading:
    """Shorter axis of the region's ellipse."""
    shown, sized = ellipses(mask, spacing, scales)
    return Reading(2 * sized.semi_minor, shown, (0.0, 0.0, 0.0, 1.0), scales[3])


def read_longest(mask: Mask, spacing: Spacing | None, scales: Scales) -> Reading:
    """Longest diameter of the region."""
    caliper = diameters_of_mask(mask, spacing)[0].stretched(scales[0])
    return Reading(caliper.length(spacing), caliper, (1.0, 0.0, 0.0, 0.0), scales[0])


def read_perpendicular(mask: Mask, spacing: Spacing | None, scales: Scales) -> Reading:
    """Longest diameter at right angles to the longest."""
    caliper = diameters_of_mask(mask, spacing)[1].stretched(scales[1])
    return Reading(caliper.length(spacing), caliper, (0.0, 1.0, 0.0, 0.0), scales[1])


def read_area(mask: Mask, spacing: Spacing | None, scales: Scales) -> Reading:
    """Area of the mask, which needs no correction; its ellipse is the evidence."""
    return Reading(area_of_mask(mask, spacing), ellipse_of_mask(mask), (0.0, 0.0, 1.0, 1.0))


def axis_shares(ellipse: Ellipse) -> tuple[float, float]:
    """Share of each axis in the circumference, to first order: the axes' lengths over their sum."""
    total = ellipse.semi_major + ellipse.semi_minor
    return ellipse.semi_major / total, ellipse.semi_minor / total


PROTOCOLS: Mapping[str, Protocol] = MappingProxyType(
    {
        protocol.name: protocol
        for protocol in (
            Protocol(
                "head circumference",
                ("circumference", "hc"),
                "length",
                "ellipse of the outer skull region; circumference by Ramanujan II (1914)",
                Code("11984-2", "LN", "Head Circumference"),
                read_circumference,
            ),
            Protocol(
                "biparietal diameter",
                ("biparietal", "bpd"),
                "length",
                "short axis of the skull's ellipse, outer to outer (INTERGROWTH-21st)",
                Code("11820-8", "LN", "Biparietal Diameter"),
                read_short_axis,
            ),
            Protocol(
                "occipitofrontal diameter",
                ("occipitofrontal", "occipito-frontal", "ofd"),
                "length",
                "long axis of the skull's ellipse, outer to outer (INTERGROWTH-21st)",
                Code("11851-3", "LN", "Occipital-Frontal Diameter"),
                read_long_axis,
            ),
            Protocol(
                "perpendicular diameter",
                ("perpendicular", "short", "shortest", "width"),
                "length",
                "longest chord at right angles to the longest diameter (BI-RADS, 2013)",
                Code("103340004", "SCT", "Short Axis"),
                read_perpendicular,
            ),
            Protocol(
                "area",
                ("area",),
                "area",
                "pixels of the region times their size",
                Code("42798000", "SCT", "Area"),
                read_area,
            ),
            Protocol(
                "longest diameter",
                ("longest", "long", "diameter", "length", "size"),
                "length",
                "largest distance between two points of the region (BI-RADS, 2013)",
                Code("103339001", "SCT", "Long Axis"),
                read_longest,
            ),
        )
    }
)


def protocol_of(phrase: str) -> Protocol:
    """The protocol that a phrase names; the longest diameter when it names none.

    This picks the formula. What is measured is the region that the model finds for the whole phrase.
    """
    words = set(phrase.lower().replace(",", " ").replace(".", " ").split())
    named = (protocol for protocol in PROTOCOLS.values() if words & set(protocol.words))
    return next(named, PROTOCOLS["longest diameter"])
