"""A number read from all frames of a cine, as an ejection fraction is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from umind.geometry.spacing import Spacing
from umind.protocols.gather import Masks, Points, Values
from umind.protocols.measure import measure
from umind.protocols.outline import Shape
from umind.protocols.protocol import Protocol
from umind.protocols.registry import protocol_of
from umind.schema.image import CalibrationSource
from umind.schema.result import Measurement
from umind.tasks.measure import calibration_of, shape_of, spacing_at
from umind.tasks.readout import Readout
from umind.tasks.segment import block, segmentation
from umind.tokens.template import Block


@dataclass(frozen=True, eq=False)
class Traced:
    """A structure in one frame.

    Args:
        shape: As protocols read it; None when it is absent.
        presence: Calibrated probability.
        spacing: Millimetres per pixel at the structure.
        calibration: Where they come from.
    """

    shape: Shape | None
    presence: float
    spacing: Spacing | None
    calibration: CalibrationSource


@dataclass(frozen=True)
class Trace:
    """Asks for the largest instance of a structure in one frame.

    Args:
        phrase: Structure.
        threshold: Least presence; the calibrated one when None.
    """

    phrase: str
    threshold: float | None = None

    def blocks(self) -> tuple[Block, ...]:
        """What to ask the model."""
        return (block(self.phrase),)

    def read(self, readout: Readout) -> Traced:
        """The instance and its scale."""
        region = readout.region
        shown = segmentation(region, readout, self.phrase, region.largest(self.threshold))
        shape = shape_of(region, shown, self.threshold)
        spacing = spacing_at(readout.image, {self.phrase: shape}, {}, {})
        return Traced(shape, region.presence, spacing, calibration_of(readout.image, spacing))


def cine_of(phrase: str, names: Sequence[str]) -> tuple[Protocol, str] | None:
    """The protocol that a phrase names and the structure that it follows through a cine; None when it wants no frames.

    Args:
        phrase: What to measure.
        names: Inputs that are given.
    """
    protocol = protocol_of(phrase, names)
    wanted = [entry for entry in protocol.required if entry.name not in names] if protocol else []
    return (protocol, wanted[0].name) if protocol and len(wanted) == 1 and "frames" in wanted[0].kinds else None


def measured_cine(
    protocol: Protocol, name: str, frames: Sequence[Traced], phrase: str, masks: Masks, points: Points, values: Values
) -> Measurement:
    """Apply a protocol to the frames that show the structure; where their scales differ there is none."""
    seen = [frame for frame in frames if frame.shape]
    scales = {(frame.spacing, frame.calibration) for frame in seen}
    spacing, calibration = scales.pop() if len(scales) == 1 else (None, "none")
    found = [frame.shape for frame in seen] or [None]
    result = measure(
        protocol, masks={**masks, name: found}, points=points, values=values, spacing=spacing, calibration=calibration
    )
    return replace(result, presence=max((frame.presence for frame in frames), default=0.0), phrase=phrase)
