"""Volume of an organ or a lesion from three diameters."""

from __future__ import annotations

from umind.protocols.given import Given
from umind.protocols.protocol import Input, Outcome, Protocol
from umind.schema.result import Code

AXES = tuple(Input(name=name, kinds=("value",), unit="mm") for name in ("length", "width", "height"))
ELLIPSOID = 0.523
"""pi / 6, as clinics round it."""
LOBE = 0.479
"""Thyroid lobe (Brunn et al. 1981, Dtsch Med Wochenschr 106:1338, as De Maeseneer et al. 2006, AJR 186:234, cite it)."""
TESTIS = 0.71
"""Lambert 1951; closest to water displacement of 30 testes (Hsieh et al. 2009, Asian J Androl 11:261)."""


def volume(given: Given) -> Outcome:
    """The constant times the three diameters, in millilitres."""
    length, width, height = (given.values[entry.name] for entry in AXES)
    return Outcome(given.values["constant"] * length * width * height / 1000)


def ellipsoid(name: str, words: tuple[str, ...], constant: float, source: str) -> Protocol:
    """A volume with a constant of its own, which an argument may replace."""
    return Protocol(
        name=name,
        words=(*words, name),
        inputs=(*AXES, Input(name="constant", kinds=("value",), default=constant)),
        formula=volume,
        unit="ml",
        equation=f"constant * length * width * height, {constant} by default ({source})",
        needs="millimetres",
        code=Code("121221", "DCM", "Volume of ellipsoid"),
    )


ORGAN_PROTOCOLS = (
    ellipsoid(
        "volume", ("volume", "ellipsoid volume", "lesion volume", "nodule volume"), ELLIPSOID, "prolate ellipsoid, pi / 6"
    ),
    ellipsoid(
        "thyroid lobe volume", ("thyroid volume", "lobe volume"), LOBE, "Brunn et al. 1981, Dtsch Med Wochenschr 106:1338"
    ),
    ellipsoid("testis volume", ("testicular volume",), TESTIS, "Lambert 1951; Hsieh et al. 2009, Asian J Androl 11:261"),
)
