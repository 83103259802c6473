"""A number read from the region of a ``[MEAS]`` token, or from the regions that a protocol asks for by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np
from jaxtyping import Float

from umind.geometry.boxes import box_of_mask
from umind.geometry.spacing import Spacing
from umind.protocols.gather import Masks, Points, Values, check_names
from umind.protocols.measure import measure
from umind.protocols.outline import Factors, Outline, Shape
from umind.protocols.protocol import Input, Protocol
from umind.protocols.registry import FALLBACK, protocol_of
from umind.schema.errors import MissingInputError
from umind.schema.image import CalibrationSource, UltrasoundImage
from umind.schema.result import Keypoints, Measurement, Segmentation
from umind.tasks.readout import Readout, Region
from umind.tasks.segment import block as block_of_segment
from umind.tasks.segment import segmentation
from umind.tokens.template import Block
from umind.tokens.vocabulary import MEAS


def block(phrase: str) -> Block:
    """The question, with its task token already in the response."""
    return Block(f"measure {phrase}", MEAS)


@dataclass(frozen=True)
class Measure:
    """Asks for a measurement.

    A protocol of one region measures the region that the model finds for the whole phrase; one of several asks for each by its
    name. Points and numbers, and regions that a person drew, are given by name of the input.

    Args:
        phrase: What to measure, as "head circumference" or "longest diameter of the breast lesion".
        threshold: Least presence; the calibrated one when None.
        masks: Regions that the model need not find.
        points: Points, xy in source pixels.
        values: Numbers and words.

    Raises:
        MissingInputError: The protocol wants points or values that are not given.
        ValueError: A name is no input of the protocol.
    """

    phrase: str
    threshold: float | None = None
    masks: Masks = field(default_factory=dict)
    points: Points = field(default_factory=dict)
    values: Values = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_names(self.protocol, self.names)
        for entry in self.protocol.required:
            if entry.name not in self.names and "mask" not in entry.kinds:
                raise MissingInputError(
                    f"{self.protocol.name} lacks {entry.name!r}, which the model cannot predict: give {entry.how}"
                )

    @property
    def names(self) -> tuple[str, ...]:
        """Inputs that are given."""
        return (*self.masks, *self.points, *self.values)

    @property
    def protocol(self) -> Protocol:
        """The protocol that the phrase names; the longest diameter when it names none."""
        return protocol_of(self.phrase, self.names) or FALLBACK

    @property
    def predicted(self) -> tuple[Input, ...]:
        """Regions that the model has to find."""
        return tuple(entry for entry in self.protocol.required if entry.name not in self.names)

    def blocks(self) -> tuple[Block, ...]:
        """What to ask the model.

        Raises:
            ValueError: Every input is given; `by_hand` needs no model.
        """
        if not self.predicted:
            raise ValueError(f"{self.protocol.name} has every input: umind.protocols.measure needs no model for it")
        if self.protocol.region:
            return (block(self.phrase),)
        return tuple(block_of_segment(entry.name) for entry in self.predicted)

    def read(self, readout: Readout) -> Measurement:
        """The value, or None when there is nothing to measure."""
        regions = {entry.name: part.regions[0] for entry, part in zip(self.predicted, readout.blocks, strict=True)}
        return measured(
            self.protocol,
            regions,
            readout,
            self.phrase,
            self.threshold,
            masks=self.masks,
            points=self.points,
            values=self.values,
        )

    def by_hand(self, image: UltrasoundImage) -> Measurement:
        """The value, when every input is given."""
        spacing = spacing_at(image, {}, self.masks, self.points)
        calibration = calibration_of(image, spacing) if self.masks or self.points else None
        result = measure(
            self.protocol, masks=self.masks, points=self.points, values=self.values, spacing=spacing, calibration=calibration
        )
        return replace(result, phrase=self.phrase)


def measurement(region: Region, readout: Readout, phrase: str, protocol: Protocol, threshold: float | None) -> Measurement:
    """Apply a protocol of one region to the largest instance."""
    assert protocol.region
    return measured(protocol, {protocol.region.name: region}, readout, phrase, threshold)


def measured(
    protocol: Protocol,
    regions: Mapping[str, Region],
    readout: Readout,
    phrase: str,
    threshold: float | None,
    *,
    masks: Masks = MappingProxyType({}),
    points: Points = MappingProxyType({}),
    values: Values = MappingProxyType({}),
) -> Measurement:
    """Apply a protocol to the largest instance of each region, and to what is given beside them."""
    image = readout.image
    shown = {name: segmentation(region, readout, phrase, region.largest(threshold)) for name, region in regions.items()}
    found = {name: shape_of(region, shown[name], threshold) for name, region in regions.items()}
    spacing = spacing_at(image, found, masks, points)
    result = measure(
        protocol,
        masks={**masks, **found},
        points=points,
        values=values,
        spacing=spacing,
        calibration=calibration_of(image, spacing),
    )
    return replace(
        result,
        evidence=() if result.value is None else (*result.evidence, *shown.values()),
        presence=min(region.presence for region in regions.values()),
        phrase=phrase,
    )


def shape_of(region: Region, shown: Segmentation, threshold: float | None) -> Shape | None:
    """The largest instance as protocols read it, with the length head's factors; None when there is none."""
    if not len(shown) or not shown.masks[0].any():
        return None
    first = region.largest(threshold)[0]
    return Shape(Outline(shown.masks[0], None), factors(region.scales[first]), factors(region.spreads[first]))


def factors(row: Float[np.ndarray, "4"]) -> Factors:
    """Four numbers of the length head."""
    longest, perpendicular, major, minor = row.tolist()
    return longest, perpendicular, major, minor


def spacing_at(image: UltrasoundImage, found: Mapping[str, Shape | None], masks: Masks, points: Points) -> Spacing | None:
    """Millimetres per pixel at everything that is measured: at the corners of each region's extent, and at each point."""
    drawn = [shape.outline.mask for shape in found.values() if shape]
    drawn += [mask for mask in masks.values() if isinstance(mask, np.ndarray)]
    corners = [box_of_mask(mask).reshape(2, 2) for mask in drawn if mask.any()]
    placed = [np.asarray(given.points if isinstance(given, Keypoints) else given, float) for given in points.values()]
    everything = [*corners, *placed]
    return image.spacing_at(np.concatenate(everything)) if everything else image.spacing


def calibration_of(image: UltrasoundImage, spacing: Spacing | None) -> CalibrationSource:
    """Source of the spacing that a measurement used; a suspect file stays suspect."""
    return image.calibration if spacing or image.calibration == "suspect" else "none"
