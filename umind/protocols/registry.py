"""Every protocol, and the one that a phrase names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from umind.protocols.cardiac import CARDIAC_PROTOCOLS
from umind.protocols.fetal import FETAL_PROTOCOLS
from umind.protocols.growth import GROWTH_PROTOCOLS
from umind.protocols.lesion import LESION_PROTOCOLS
from umind.protocols.obstetric import OBSTETRIC_PROTOCOLS
from umind.protocols.organ import ORGAN_PROTOCOLS
from umind.protocols.protocol import Protocol
from umind.protocols.tirads import TIRADS_PROTOCOLS
from umind.protocols.vascular import VASCULAR_PROTOCOLS

PROTOCOLS: Mapping[str, Protocol] = MappingProxyType(
    {
        protocol.name: protocol
        for protocol in (
            *FETAL_PROTOCOLS,
            *LESION_PROTOCOLS,
            *GROWTH_PROTOCOLS,
            *CARDIAC_PROTOCOLS,
            *OBSTETRIC_PROTOCOLS,
            *VASCULAR_PROTOCOLS,
            *ORGAN_PROTOCOLS,
            *TIRADS_PROTOCOLS,
        )
    }
)
"""By canonical name; where phrases name several equally well, the first one is meant."""
FALLBACK = PROTOCOLS["longest diameter"]
"""What a region is measured by when its phrase names no protocol."""


def words_in(phrase: str) -> frozenset[str]:
    """Words of a phrase, without commas and full stops."""
    return frozenset(phrase.lower().replace(",", " ").replace(".", " ").split())


def match(protocol: Protocol, said: frozenset[str]) -> int:
    """Words of the longest of the protocol's phrases that is said; 0 for none."""
    phrases = (words_in(phrase) for phrase in (*protocol.words, protocol.name))
    return max((len(phrase) for phrase in phrases if phrase <= said), default=0)


def protocol_of(phrase: str, names: Sequence[str] = ()) -> Protocol | None:
    """The protocol that a phrase names: the one with most words in it; None when it names none.

    Args:
        phrase: As "head circumference" or "estimated fetal weight".
        names: Inputs that are given: of equally named protocols, the one that they suffice for and that uses most of them.
    """
    said, given = words_in(phrase), set(names)
    best = max(match(protocol, said) for protocol in PROTOCOLS.values())
    if best == 0:
        return None
    meant = [protocol for protocol in PROTOCOLS.values() if match(protocol, said) == best]

    def fit(protocol: Protocol) -> tuple[bool, int]:
        wanted = {entry.name for entry in protocol.required}
        return wanted <= given and given <= {entry.name for entry in protocol.inputs}, len(wanted & given)

    return max(meant, key=fit) if given else meant[0]


def region_protocol_of(phrase: str) -> Protocol:
    """The protocol that a phrase names, among those that one region is enough for; the longest diameter when it names none.

    This picks the formula. What is measured is the region that the model finds for the whole phrase.
    """
    said = words_in(phrase)
    regional = [protocol for protocol in PROTOCOLS.values() if protocol.region and protocol.needs == "nothing"]
    best = max(regional, key=lambda protocol: match(protocol, said))
    return best if match(best, said) else FALLBACK
