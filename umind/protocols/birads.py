"""BI-RADS terms for a mass in breast ultrasound, checked against the lexicon's edition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType

EDITION = "ACR BI-RADS Atlas, 5th edition, 2013"
TERMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "shape": ("oval", "round", "irregular"),
        "orientation": ("parallel", "not parallel"),
        "margin": ("circumscribed", "indistinct", "angular", "microlobulated", "spiculated"),
        "echo_pattern": ("anechoic", "hyperechoic", "complex cystic and solid", "hypoechoic", "isoechoic", "heterogeneous"),
        "posterior_features": ("none", "enhancement", "shadowing", "combined"),
        "calcifications": ("none", "in a mass", "outside of a mass", "intraductal"),
    }
)
"""Terms of each descriptor; only a margin that is not circumscribed has several."""


@dataclass(frozen=True, kw_only=True)
class BreastMass:
    """Descriptors of one mass; None where nothing is said.

    Args:
        shape: Shape.
        orientation: To the skin.
        margin: One term, or several that are not circumscribed.
        echo_pattern: Compared with fat.
        posterior_features: Behind the mass.
        calcifications: Where they are.
        edition: Lexicon of the terms.

    Raises:
        ValueError: A term is not in the lexicon, a margin is both circumscribed and not, or the edition is another one.
    """

    shape: str | None = None
    orientation: str | None = None
    margin: tuple[str, ...] = ()
    echo_pattern: str | None = None
    posterior_features: str | None = None
    calcifications: str | None = None
    edition: str = EDITION

    def __post_init__(self) -> None:
        if self.edition != EDITION:
            raise ValueError(f"known is {EDITION}, not {self.edition!r}")
        for entry in fields(self):
            said = getattr(self, entry.name)
            terms = said if isinstance(said, tuple) else () if said is None or entry.name == "edition" else (said,)
            unknown = set(terms) - set(TERMS.get(entry.name, ()))
            if unknown:
                raise ValueError(f"{entry.name} is one of {', '.join(TERMS[entry.name])}, not {', '.join(sorted(unknown))}")
        if "circumscribed" in self.margin and len(self.margin) > 1:
            raise ValueError(f"a margin is circumscribed or not, got {', '.join(self.margin)}")
