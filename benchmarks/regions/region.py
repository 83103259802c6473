"""The regions that are left out, one at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

WHOLE = "whole"
"""Name of the model that saw every region."""


def back(name: str) -> str:
    """Name of the adapter that brings a region back to the model that lacks it."""
    return f"{name}-back"


@dataclass(frozen=True)
class Region:
    """An organ, as training has it.

    Args:
        sets: Data sets that show it.
        phrase: What they outline.
        unheard: Names that a model is not asked about that is not to know it: it would hear them as what is never there.
        kin: A word for what it outlines that other organs teach; empty where there is none.
    """

    sets: tuple[str, ...]
    phrase: str
    unheard: tuple[str, ...]
    kin: str = ""

    @property
    def words(self) -> tuple[str, ...]:
        """What to ask for."""
        return (self.phrase, self.kin) if self.kin else (self.phrase,)


REGIONS: Mapping[str, Region] = MappingProxyType(
    {
        "breast": Region(
            ("BUSBRA", "Dataset_BUSI_with_GT", "BrEaST"), "breast lesion", ("breast lesion", "breast"), kin="lesion"
        ),
        "ovary": Region(("MMOTU_2D",), "ovarian mass", ("ovarian mass", "ovary"), kin="lesion"),
        "head": Region(("HC18",), "fetal head", ("fetal head",)),
    }
)
