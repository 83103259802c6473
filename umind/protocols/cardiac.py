"""Left ventricle: wall and cavity, mass, volumes and ejection fraction.

Lang et al. 2015, J Am Soc Echocardiogr 28:1 (ASE and EACVI), whose text was not at hand: the formulas agree in two or more
independent public sources.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from umind.geometry.discs import NUM_DISCS, volume_of_discs
from umind.protocols.fetal import caliper_protocol
from umind.protocols.given import Given
from umind.protocols.outline import Shape
from umind.protocols.protocol import Input, Outcome, Protocol
from umind.schema.result import Code

SOURCE = "Lang et al. 2015, J Am Soc Echocardiogr 28:1"
DISCS = f"{NUM_DISCS} discs, pi/4 sum(a b) L/{NUM_DISCS} ({SOURCE})"
FOUR, TWO = "left ventricle", "left ventricle, two chambers"
LANDMARKS = "long axis"
AXIS = Input(name=LANDMARKS, kinds=("points",), points=("apex", "middle of the mitral annulus"), optional=True)
LVIDD = Input(name="LV internal dimension, diastole", kinds=("value",), unit="cm")
LVIDS = Input(name="LV internal dimension, systole", kinds=("value",), unit="cm")
SEPTUM = Input(name="septum, diastole", kinds=("value",), unit="cm")
WALL = Input(name="posterior wall, diastole", kinds=("value",), unit="cm")
MILLILITRE = 1000.0
"""Cubic millimetres."""


def cube_mass(septum: float, cavity: float, wall: float) -> float:
    """Grams from cm at end-diastole: 0.8 * 1.04 * ((IVS + LVID + PW)^3 - LVID^3) + 0.6 (Devereux; Lang et al. 2015)."""
    return 0.8 * 1.04 * ((septum + cavity + wall) ** 3 - cavity**3) + 0.6


def teichholz_volume(diameter: float) -> float:
    """Millilitres from cm: 7 D^3 / (2.4 + D) (Teichholz et al. 1976, Am J Cardiol 37:7)."""
    return 7 * diameter**3 / (2.4 + diameter)


def area_length_volume(area: float, length: float) -> float:
    """Millilitres from cm2 and cm: 8 A^2 / (3 pi L)."""
    return 8 * area**2 / (3 * math.pi * length)


def ejected(diastole: float, systole: float) -> float:
    """Share of a volume that is ejected, in percent."""
    return 100 * (diastole - systole) / diastole


def single_plane(shape: Shape, axis: Float[np.ndarray, "2 2"] | None = None) -> float:
    """Volume of circular discs, in millilitres."""
    widths, length = shape.discs(axis)
    return volume_of_discs(widths, widths, length) / MILLILITRE


def biplane(first: Shape, second: Shape) -> tuple[float, float]:
    """Volume of elliptic discs in millilitres, with the longer of the two long axes, and by how many percent they differ."""
    (a, long), (b, other) = first.discs(), second.discs()
    longer, shorter = max(long, other), min(long, other)
    return volume_of_discs(a, b, longer) / MILLILITRE, 100 * (longer - shorter) / longer


def extremes(shapes: tuple[Shape, ...]) -> tuple[Shape, Shape, str]:
    """End-diastole and end-systole, the frames with the largest and the smallest area, and a note that says which.

    Raises:
        ValueError: There is one frame only.
    """
    if len(shapes) < 2:
        raise ValueError("an ejection fraction wants at least two frames")
    areas = [shape.outline.area for shape in shapes]
    largest, smallest = int(np.argmax(areas)), int(np.argmin(areas))
    return shapes[largest], shapes[smallest], f"end-diastole in frame {largest}, end-systole in frame {smallest}"


def landmarks(given: Given) -> Float[np.ndarray, "2 2"] | None:
    """The long axis in millimetres, where a person placed it."""
    return given.placed(LANDMARKS) if LANDMARKS in given.points else None


def volume_single(given: Given) -> Outcome:
    """Volume by discs of one plane."""
    shape = given.shape(FOUR)
    return Outcome(single_plane(shape, landmarks(given)), (shape.outline.shown,))


def volume_biplane(given: Given) -> Outcome:
    """Volume by discs of two planes."""
    first, second = given.shape(FOUR), given.shape(TWO)
    value, percent = biplane(first, second)
    return Outcome(value, (first.outline.shown, second.outline.shown), f"long axes differ by {percent:.0f} %")


def volume_area_length(given: Given) -> Outcome:
    """Volume of one plane's area and length."""
    shape = given.shape(FOUR)
    _, length = shape.discs(landmarks(given))
    return Outcome(area_length_volume(shape.area / 100, length / 10), (shape.outline.shown,))


def fraction_single(given: Given) -> Outcome:
    """Ejection fraction of a cine in one plane."""
    diastole, systole, note = extremes(given.shapes[FOUR])
    volumes = single_plane(diastole), single_plane(systole)
    return Outcome(ejected(*volumes), note=f"{note}, {volumes[0]:.0f} and {volumes[1]:.0f} ml")


def fraction_biplane(given: Given) -> Outcome:
    """Ejection fraction of two cines, one in each plane."""
    four, two = extremes(given.shapes[FOUR]), extremes(given.shapes[TWO])
    (diastole, percent), (systole, _) = biplane(four[0], two[0]), biplane(four[1], two[1])
    said = f"four chambers: {four[2]}; two chambers: {two[2]}; {diastole:.0f} and {systole:.0f} ml"
    return Outcome(ejected(diastole, systole), note=f"{said}; long axes differ by {percent:.0f} % at end-diastole")


def of_values(function: Callable[..., float], inputs: tuple[Input, ...], note: str = "") -> Callable[[Given], Outcome]:
    """A formula of numbers alone."""
    return lambda given: Outcome(function(*(given.values[entry.name] for entry in inputs)), note=note)


NOT_RECOMMENDED = "no longer recommended for clinical use (Lang et al. 2015)"
CARDIAC_PROTOCOLS = (
    *(
        caliper_protocol(
            f"LV {name}",
            words,
            Input(name=f"LV {name}", kinds=("points",), points=("inner edge", "other inner edge")),
            f"two-dimensional caliper at the tips of the mitral leaflets, at end-{phase} ({SOURCE})",
            Code(value, "LN", meaning),
        )
        for name, words, phase, value, meaning in (
            (
                "diastolic dimension",
                ("lvidd", "lvedd"),
                "diastole",
                "29436-3",
                "Left Ventricle Internal End Diastolic Dimension",
            ),
            ("systolic dimension", ("lvids", "lvesd"), "systole", "29438-9", "Left Ventricle Internal Systolic Dimension"),
            (
                "septum",
                ("ivs", "ivsd", "septal thickness"),
                "diastole",
                "18154-5",
                "Interventricular Septum Diastolic Thickness",
            ),
            (
                "posterior wall",
                ("lvpw", "lvpwd", "posterior wall thickness"),
                "diastole",
                "18152-9",
                "Left Ventricle Posterior Wall Diastolic Thickness",
            ),
        )
    ),
    Protocol(
        name="LV mass",
        words=("lv mass", "left ventricular mass"),
        inputs=(SEPTUM, LVIDD, WALL),
        formula=of_values(cube_mass, (SEPTUM, LVIDD, WALL)),
        unit="g",
        equation=f"0.8 * 1.04 ((IVS + LVID + PW)^3 - LVID^3) + 0.6, cm ({SOURCE})",
        needs="millimetres",
        code=Code("18087-7", "LN", "Left Ventricle Mass"),
    ),
    Protocol(
        name="LV volume by biplane discs",
        words=("biplane volume", "biplane lv volume", "biplane left ventricular volume"),
        inputs=(Input(name=FOUR, kinds=("mask",)), Input(name=TWO, kinds=("mask",))),
        formula=volume_biplane,
        unit="ml",
        equation=f"biplane method of {DISCS}",
        needs="millimetres",
        code=Code("125207", "DCM", "Method of Disks, Biplane"),
    ),
    Protocol(
        name="LV volume by discs",
        words=("left ventricular volume", "left ventricle volume", "volume of the left ventricle", "lv volume"),
        inputs=(Input(name=FOUR, kinds=("mask",)), AXIS),
        formula=volume_single,
        unit="ml",
        equation=f"single-plane method of {DISCS}",
        needs="millimetres",
        code=Code("125208", "DCM", "Method of Disks, Single Plane"),
    ),
    Protocol(
        name="LV volume by area and length",
        words=("area-length volume", "area length volume"),
        inputs=(Input(name=FOUR, kinds=("mask",)), AXIS),
        formula=volume_area_length,
        unit="ml",
        equation=f"8 A^2 / (3 pi L) ({SOURCE})",
        needs="millimetres",
        code=Code("125205", "DCM", "Area-Length Single Plane"),
    ),
    Protocol(
        name="LV volume by Teichholz",
        words=("teichholz", "teichholz volume"),
        inputs=(LVIDD,),
        formula=of_values(teichholz_volume, (LVIDD,), NOT_RECOMMENDED),
        unit="ml",
        equation="7 D^3 / (2.4 + D), cm (Teichholz et al. 1976, Am J Cardiol 37:7)",
        needs="millimetres",
        code=Code("125209", "DCM", "Teichholz"),
    ),
    Protocol(
        name="ejection fraction by discs",
        words=("ejection fraction", "ef", "lvef"),
        inputs=(Input(name=FOUR, kinds=("frames",)),),
        formula=fraction_single,
        unit="%",
        equation=f"(EDV - ESV) / EDV by the single-plane method of {DISCS}",
        needs="square pixels",
        code=Code("79993-2", "LN", "Left ventricular ejection fraction single plane 4C (MOD)"),
    ),
    Protocol(
        name="ejection fraction by biplane discs",
        words=("biplane ejection fraction", "ejection fraction"),
        inputs=(Input(name=FOUR, kinds=("frames",)), Input(name=TWO, kinds=("frames",))),
        formula=fraction_biplane,
        unit="%",
        equation=f"(EDV - ESV) / EDV by the biplane method of {DISCS}",
        needs="millimetres",
        code=Code("79991-6", "LN", "Left ventricular ejection fraction biplane (MOD)"),
    ),
    Protocol(
        name="ejection fraction by Teichholz",
        words=("teichholz ejection fraction", "ejection fraction"),
        inputs=(LVIDD, LVIDS),
        formula=of_values(
            lambda large, small: ejected(teichholz_volume(large), teichholz_volume(small)), (LVIDD, LVIDS), NOT_RECOMMENDED
        ),
        unit="%",
        equation="(EDV - ESV) / EDV by 7 D^3 / (2.4 + D), cm (Teichholz et al. 1976, Am J Cardiol 37:7)",
        needs="millimetres",
        code=Code("77891-0", "LN", "Left ventricular ejection fraction (Teichholz) 2D"),
    ),
)
