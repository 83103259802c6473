"""Colours of findings: bright on grey, told apart by colour-blind readers, and none that a colour Doppler map uses alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

Colour = tuple[int, int, int]

FINDINGS: tuple[Colour, ...] = (
    (86, 204, 242),
    (255, 183, 51),
    (46, 204, 144),
    (240, 120, 200),
    (240, 228, 66),
    (160, 140, 255),
    (255, 122, 89),
    (170, 220, 120),
)
"""Okabe and Ito's set (2008), lightened for a black ground; after the last it starts again."""
GROUND: Colour = (16, 20, 26)
PANEL: Colour = (34, 41, 51)
TEXT: Colour = (235, 240, 245)
FAINT: Colour = (148, 158, 170)
SHADOW: Colour = (0, 0, 0)


def colours_of(phrases: Iterable[str]) -> Mapping[str, Colour]:
    """A colour for each different phrase, in order of appearance, letter case aside."""
    ordered = dict.fromkeys(phrase.casefold() for phrase in phrases)
    return MappingProxyType({phrase: FINDINGS[index % len(FINDINGS)] for index, phrase in enumerate(ordered)})
