"""ACR TI-RADS 2017: points of a thyroid nodule, its level, and what the committee advises.

Tessler et al. 2017, J Am Coll Radiol 14:587, whose full text was not at hand: points, levels, sizes and times of follow-up
agree in three independent public sources.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from umind.protocols.given import Given
from umind.protocols.protocol import Input, Outcome, Protocol

POINTS: Mapping[str, Mapping[str, int]] = MappingProxyType(
    {
        "composition": {"cystic": 0, "spongiform": 0, "mixed cystic and solid": 1, "solid": 2},
        "echogenicity": {"anechoic": 0, "hyperechoic": 1, "isoechoic": 1, "hypoechoic": 2, "very hypoechoic": 3},
        "shape": {"wider than tall": 0, "taller than wide": 3},
        "margin": {"smooth": 0, "ill-defined": 0, "lobulated": 2, "irregular": 2, "extrathyroidal extension": 3},
        "echogenic foci": {
            "none": 0,
            "large comet-tail artifacts": 0,
            "macrocalcifications": 1,
            "peripheral calcifications": 2,
            "punctate echogenic foci": 3,
        },
    }
)
FOCI = "echogenic foci"
"""The one feature of which several terms may hold; their points add up."""
BIOPSY: Mapping[int, tuple[float, float, str]] = MappingProxyType(
    {3: (25.0, 15.0, "1, 3 and 5 years"), 4: (15.0, 10.0, "1, 2, 3 and 5 years"), 5: (10.0, 5.0, "1, 2, 3, 4 and 5 years")}
)
"""By level: longest diameters in mm from which to biopsy and from which to follow up, and when."""


def points_of(choices: Mapping[str, tuple[str, ...]]) -> int:
    """Sum of all features; a spongiform nodule has none, whatever else is said of it."""
    if choices["composition"] == ("spongiform",):
        return 0
    return sum(POINTS[feature][term] for feature, terms in choices.items() for term in terms)


def level_of(points: int) -> int | None:
    """Level TR1 to TR5; None for a sum of 1, which has none."""
    if points in (0, 2, 3):
        return max(points, 1)
    return None if points == 1 else 4 if points <= 6 else 5


def advice_of(level: int | None, size: float | None) -> str:
    """What to do with a nodule of this level and longest diameter in mm."""
    if level is None or level < 3:
        return "" if level is None else "no biopsy"
    biopsy, follow, when = BIOPSY[level]
    if size is None:
        return f"biopsy from {biopsy:.0f} mm, follow-up from {follow:.0f} mm after {when}"
    return "biopsy" if size >= biopsy else f"follow-up after {when}" if size >= follow else "neither biopsy nor follow-up"


def score(given: Given) -> Outcome:
    """Points, with level and advice as the note."""
    points = points_of(given.choices)
    level = level_of(points)
    said = (f"TR{level}" if level else "no level has 1 point", advice_of(level, given.values.get("longest diameter")))
    return Outcome(float(points), note=", ".join(filter(None, said)))


TIRADS_PROTOCOLS = (
    Protocol(
        name="TI-RADS points",
        words=("ti-rads", "tirads", "ti-rads points"),
        inputs=(
            *(
                Input(name=feature, kinds=("choice",), choices=tuple(terms), several=feature == FOCI)
                for feature, terms in POINTS.items()
            ),
            Input(name="longest diameter", kinds=("value",), unit="mm", optional=True),
        ),
        formula=score,
        unit="{points}",
        equation="sum over composition, echogenicity, shape, margin and echogenic foci (ACR TI-RADS, Tessler et al. 2017, "
        "J Am Coll Radiol 14:587)",
    ),
)
