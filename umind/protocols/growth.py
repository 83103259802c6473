"""Weight, age and growth of a fetus, by published regressions; every length in the unit of its paper.

The coefficients of Hadlock 1984, 1985 and 1991 and of Robinson 1975 agree in three or more independent public implementations;
the full papers were not at hand. Hadlock 1991 gives 35 g at 10 weeks and 3619 g at 40, as its abstract says.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from statistics import NormalDist

from umind.protocols.given import Given
from umind.protocols.protocol import Input, Outcome, Protocol
from umind.schema.result import Code, Unit

HC = Input(name="head circumference", kinds=("value",), unit="cm", valid=(9.0, 35.8))
BPD = Input(name="biparietal diameter", kinds=("value",), unit="cm", valid=(2.4, 10.2))
AC = Input(name="abdominal circumference", kinds=("value",), unit="cm", valid=(7.5, 38.1))
FL = Input(name="femur length", kinds=("value",), unit="cm", valid=(1.4, 8.2))
"""The ranges are the sizes that Hadlock 1984 dates to 14 to 42 weeks; a length in millimetres falls out of them."""
CRL = Input(name="crown-rump length", kinds=("value",), unit="mm")
WEIGHT = Input(name="estimated fetal weight", kinds=("value",), unit="g")
AGE = Input(name="gestational age", kinds=("value",), unit="wk")

INTERGROWTH = "INTERGROWTH-21st, Stirnemann et al. 2017, Ultrasound Obstet Gynecol 49:478"


def weight_by_ac_fl(ac: float, fl: float) -> float:
    """Grams from cm (Hadlock et al. 1985)."""
    return float(10 ** (1.304 + 0.05281 * ac + 0.1938 * fl - 0.004 * ac * fl))


def weight_by_bpd_ac_fl(bpd: float, ac: float, fl: float) -> float:
    """Grams from cm (Hadlock et al. 1985)."""
    return float(10 ** (1.335 - 0.0034 * ac * fl + 0.0316 * bpd + 0.0457 * ac + 0.1623 * fl))


def weight_by_hc_ac_fl(hc: float, ac: float, fl: float) -> float:
    """Grams from cm (Hadlock et al. 1985)."""
    return float(10 ** (1.326 - 0.00326 * ac * fl + 0.0107 * hc + 0.0438 * ac + 0.158 * fl))


def weight_by_bpd_hc_ac_fl(bpd: float, hc: float, ac: float, fl: float) -> float:
    """Grams from cm (Hadlock et al. 1985)."""
    return float(10 ** (1.3596 - 0.00386 * ac * fl + 0.0064 * hc + 0.00061 * bpd * ac + 0.0424 * ac + 0.174 * fl))


def weight_by_hc_ac(hc: float, ac: float) -> float:
    """Weight in grams from circumferences in cm (Stirnemann et al. 2017, Ultrasound Obstet Gynecol 49:478).

    Checked against the paper's example (AC 26 cm, HC 29 cm: 1499 g) and the gigs package.
    """
    body = (ac / 100) ** 3
    return math.exp(5.084820 - 54.06633 * body - 95.80076 * body * math.log(ac / 100) + 3.136370 * hc / 100)


def age_by_head(hc: float) -> float:
    """Weeks by head circumference in cm (Hadlock et al. 1984)."""
    return 8.96 + 0.540 * hc + 0.0003 * hc**3


def age_by_biparietal(bpd: float) -> float:
    """Weeks by biparietal diameter in cm (Hadlock et al. 1984)."""
    return 9.54 + 1.482 * bpd + 0.1676 * bpd**2


def age_by_abdomen(ac: float) -> float:
    """Weeks by abdominal circumference in cm (Hadlock et al. 1984)."""
    return 8.14 + 0.753 * ac + 0.0036 * ac**2


def age_by_femur(fl: float) -> float:
    """Weeks by femur length in cm (Hadlock et al. 1984)."""
    return 10.35 + 2.460 * fl + 0.170 * fl**2


def age_by_crown_rump(crl: float) -> float:
    """Weeks by crown-rump length in mm: 8.052 sqrt(1.037 CRL) + 23.73 days (Robinson and Fleming 1975)."""
    return (8.052 * math.sqrt(1.037 * crl) + 23.73) / 7


def hadlock_centile(weight: float, age: float) -> float:
    """Centile of a weight in grams at an age in weeks (Hadlock et al. 1991, Radiology 181:129).

    The median is exp(0.578 + 0.332 t - 0.00354 t^2), one standard deviation is 12.7 % of it (abstract); the paper's table
    was computed with 13.3 %.
    """
    median = math.exp(0.578 + 0.332 * age - 0.00354 * age**2)
    return 100 * NormalDist(median, 0.127 * median).cdf(weight)


def intergrowth_centile(weight: float, age: float) -> float:
    """Centile of a weight in grams at an age in weeks, by skewness, median and variation of its logarithm (Stirnemann 2017)."""
    cube = age**3
    skewness = -4.257629 - 2162.234 / age**2 + 0.0002301829 * cube
    median = 4.956737 + 0.0005019687 * cube - 0.0001227065 * cube * math.log(age)
    variation = 1e-4 * (-6.997171 + 0.057559 * cube - 0.01493946 * cube * math.log(age))
    ratio = math.log(weight) / median
    score = (ratio**skewness - 1) / (variation * skewness) if skewness else math.log(ratio) / variation
    return 100 * NormalDist().cdf(score)


def regression(
    name: str,
    words: tuple[str, ...],
    inputs: tuple[Input, ...],
    function: Callable[..., float],
    unit: Unit,
    equation: str,
    code: Code | None,
    *,
    valid: tuple[float, float] | None = None,
) -> Protocol:
    """A protocol whose function takes the values of its inputs in order."""

    def formula(given: Given) -> Outcome:
        return Outcome(function(*(given.values[entry.name] for entry in inputs)))

    return Protocol(
        name=name,
        words=(*words, name),
        inputs=inputs,
        formula=formula,
        unit=unit,
        equation=equation,
        needs="millimetres",
        code=code,
        valid=valid,
    )


WEIGHTS = tuple(
    regression(
        f"estimated fetal weight by {letters}",
        ("estimated fetal weight", "fetal weight", "efw"),
        inputs,
        function,
        "g",
        f"log10 regression on {letters} in cm (Hadlock et al. 1985, Am J Obstet Gynecol 151:333)",
        Code(value, "LN", f"EFW by {meaning}, Hadlock 1985"),
    )
    for letters, inputs, function, value, meaning in (
        ("BPD, HC, AC, FL", (BPD, HC, AC, FL), weight_by_bpd_hc_ac_fl, "11732-5", "AC, BPD, FL, HC"),
        ("HC, AC, FL", (HC, AC, FL), weight_by_hc_ac_fl, "11746-5", "AC, FL, HC"),
        ("BPD, AC, FL", (BPD, AC, FL), weight_by_bpd_ac_fl, "11735-8", "AC, BPD, FL"),
        ("AC, FL", (AC, FL), weight_by_ac_fl, "11751-5", "AC, FL"),
    )
)
AGES = tuple(
    regression(
        f"gestational age by {entry.name}",
        ("gestational age",),
        (entry,),
        function,
        "wk",
        "regression on the length in cm (Hadlock et al. 1984, Radiology 152:497)",
        Code(value, "LN", f"{letters}, Hadlock 1984"),
        valid=(14.0, 42.0),
    )
    for entry, function, value, letters in (
        (HC, age_by_head, "11932-1", "HC"),
        (BPD, age_by_biparietal, "11902-4", "BPD"),
        (AC, age_by_abdomen, "11892-7", "AC"),
        (FL, age_by_femur, "11920-6", "FL"),
    )
)
GROWTH_PROTOCOLS = (
    *WEIGHTS,
    regression(
        "estimated fetal weight by HC, AC",
        ("estimated fetal weight", "fetal weight", "efw", "intergrowth fetal weight"),
        (HC, AC),
        weight_by_hc_ac,
        "g",
        f"log regression on HC and AC in cm ({INTERGROWTH})",
        None,
    ),
    *AGES,
    regression(
        "gestational age by crown-rump length",
        ("gestational age",),
        (CRL,),
        age_by_crown_rump,
        "wk",
        "8.052 sqrt(1.037 CRL) + 23.73 days, CRL in mm (Robinson and Fleming 1975, Br J Obstet Gynaecol 82:702)",
        Code("11914-9", "LN", "CRL, Robinson 1975"),
        valid=(6.0, 14.0),
    ),
    regression(
        "fetal weight centile by Hadlock",
        ("fetal weight centile", "growth centile", "growth percentile", "efw centile"),
        (WEIGHT, replace(AGE, valid=(10.0, 40.0))),
        hadlock_centile,
        "%",
        "normal, median exp(0.578 + 0.332 t - 0.00354 t^2) g, standard deviation 12.7 %; for weights by BPD, HC, AC, FL "
        "(Hadlock et al. 1991, Radiology 181:129)",
        Code("11767-1", "LN", "EFW percentile rank"),
    ),
    regression(
        "fetal weight centile by INTERGROWTH-21st",
        ("intergrowth centile", "intergrowth growth centile", "intergrowth fetal weight centile"),
        (WEIGHT, replace(AGE, valid=(22.0, 40.0))),
        intergrowth_centile,
        "%",
        f"skewness, median and variation of the logarithm; for weights by HC, AC ({INTERGROWTH})",
        Code("11767-1", "LN", "EFW percentile rank"),
    ),
)
