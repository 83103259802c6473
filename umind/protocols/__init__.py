"""Measurement protocols as data, usable without any model: ``from umind.protocols import measure``."""

from umind.protocols.birads import BreastMass
from umind.protocols.measure import measure
from umind.protocols.outline import Outline, Shape
from umind.protocols.protocol import Input, Outcome, Protocol
from umind.protocols.registry import PROTOCOLS, protocol_of, region_protocol_of
from umind.protocols.shown import shown

__all__ = [
    "PROTOCOLS",
    "BreastMass",
    "Input",
    "Outcome",
    "Outline",
    "Protocol",
    "Shape",
    "measure",
    "protocol_of",
    "region_protocol_of",
    "shown",
]
