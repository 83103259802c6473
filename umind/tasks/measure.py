"""A number read from the region of a ``[MEAS]`` token."""

from __future__ import annotations

import math
from dataclasses import dataclass

from umind.schema.result import Evidence, Measurement, Unit
from umind.tasks.protocols import Protocol, protocol_of
from umind.tasks.readout import Readout, Region
from umind.tasks.segment import segmentation
from umind.tokens.template import Block
from umind.tokens.vocabulary import MEAS


def block(phrase: str) -> Block:
    """The question, with its task token already in the response."""
    return Block(f"measure {phrase}", MEAS)


@dataclass(frozen=True)
class Measure:
    """Asks for a measurement.

    Args:
        phrase: What to measure, as "head circumference" or "longest diameter of the breast lesion".
        threshold: Least presence; the calibrated one when None.
    """

    phrase: str
    threshold: float | None = None

    def blocks(self) -> tuple[Block, ...]:
        """What to ask the model."""
        return (block(self.phrase),)

    def read(self, readout: Readout) -> Measurement:
        """The value, or None when there is nothing to measure."""
        return measurement(readout.region, readout, self.phrase, protocol_of(self.phrase), self.threshold)


def measurement(region: Region, readout: Readout, phrase: str, protocol: Protocol, threshold: float | None) -> Measurement:
    """Apply a protocol to the largest instance of a region."""
    spacing = readout.image.spacing
    largest = region.largest(threshold)
    shape = segmentation(region, readout, phrase, largest)
    value = spread = None
    method = f"{protocol.name}: {protocol.method}"
    evidence: tuple[Evidence, ...] = ()
    if len(shape) and shape.masks[0].any():
        reading = protocol.read(shape.masks[0], spacing, region.scales[largest[0]].tolist())
        value = reading.value
        spread = value * math.hypot(*(w * float(s) for w, s in zip(reading.weights, region.spreads[largest[0]], strict=True)))
        evidence = (reading.evidence, shape)
        if reading.scale != 1:
            method += f"; {reading.scale:.3f} times what the mask shows, by the length head"
    return Measurement(
        value,
        unit=unit_of(protocol, calibrated=spacing is not None),
        spread=spread,
        evidence=evidence,
        method=method,
        calibration=readout.image.calibration,
        code=protocol.code,
        presence=region.presence,
        phrase=phrase,
    )


def unit_of(protocol: Protocol, *, calibrated: bool) -> Unit:
    """Unit of a protocol's value."""
    if protocol.dimension == "area":
        return "mm2" if calibrated else "px2"
    return "mm" if calibrated else "px"
