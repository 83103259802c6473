"""How people say things. Training draws from here; nothing at inference does."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

FOCAL = ("breast lesion", "ovarian mass", "thyroid nodule", "liver lesion", "solid lesion", "cyst")
"""Structures that the bare words for a lesion may mean."""

OWN: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "breast": ("breast lesion",),
        "ovary": ("ovarian mass",),
        "thyroid": ("thyroid nodule",),
        "liver": ("liver lesion",),
        "phantom": ("cyst", "solid lesion"),
    }
)
"""What a normal image of an organ lacks: the negatives that no glance at the anatomy gives away."""

WORDINGS: Mapping[str, tuple[str, ...]] = {
    "breast lesion": (
        "breast lesion",
        "breast mass",
        "breast nodule",
        "breast tumour",
        "breast tumor",
        "lesion in the breast",
        "mass in the breast",
        "mammary lesion",
        "focal breast lesion",
        "breast finding",
    ),
    "fetal head": (
        "fetal head",
        "foetal head",
        "head of the fetus",
        "fetal skull",
        "fetus head",
        "fetal cranium",
        "skull of the fetus",
    ),
    "ovarian mass": (
        "ovarian mass",
        "ovarian tumour",
        "ovarian tumor",
        "ovarian lesion",
        "adnexal mass",
        "mass of the ovary",
        "tumour of the ovary",
    ),
    "ovary": ("ovary", "normal ovary", "healthy ovary"),
    "thyroid nodule": (
        "thyroid nodule",
        "nodule in the thyroid",
        "thyroid lesion",
        "thyroid mass",
        "nodule of the thyroid gland",
        "thyroid tumour",
    ),
    "thyroid gland": ("thyroid gland", "thyroid", "thyroid lobe", "gland tissue of the thyroid"),
    "carotid artery": (
        "carotid artery",
        "common carotid artery",
        "cca",
        "carotid lumen",
        "lumen of the carotid artery",
        "carotid",
        "carotid vessel",
    ),
    "nerve": ("nerve", "peripheral nerve", "nerve trunk", "nerve plexus"),
    "vessel": ("vessel", "blood vessel", "vascular lumen"),
    "liver lesion": (
        "liver lesion",
        "hepatic lesion",
        "liver mass",
        "lesion in the liver",
        "focal liver lesion",
        "liver tumour",
    ),
    "cyst": ("cyst", "cystic lesion", "simple cyst", "anechoic lesion", "fluid-filled lesion"),
    "solid lesion": ("solid lesion", "solid mass", "solid nodule", "solid tumour", "solid tumor"),
    "lesion": ("lesion", "mass", "nodule", "tumour", "tumor", "focal lesion", "abnormality", "space-occupying lesion"),
}

MEASURES: Mapping[str, tuple[str, ...]] = {
    "head circumference": ("head circumference", "hc", "circumference of the fetal head", "fetal head circumference"),
    "biparietal diameter": ("biparietal diameter", "bpd", "biparietal diameter of the fetal head"),
    "occipitofrontal diameter": (
        "occipitofrontal diameter",
        "ofd",
        "occipito-frontal diameter",
        "occipitofrontal diameter of the head",
    ),
    "cephalic index": ("cephalic index", "ci", "cephalic index of the fetal head"),
    "longest diameter": ("longest diameter", "long axis", "maximum diameter", "largest diameter", "length", "size", "diameter"),
    "perpendicular diameter": (
        "perpendicular diameter",
        "short axis",
        "width",
        "shortest diameter",
        "diameter perpendicular to the longest",
    ),
    "area": ("area", "cross-sectional area", "surface area"),
}

IRREGULAR = {
    "ovary": "ovaries",
    "artery": "arteries",
    "abnormality": "abnormalities",
    "mass": "masses",
    "cca": "cca",
    "finding": "findings",
    "plexus": "plexuses",
}


def plural(phrase: str) -> str:
    """Plural of a noun phrase; the noun before "of" or "in" takes the ending."""
    for link in (" of ", " in "):
        if link in phrase:
            head, tail = phrase.split(link, 1)
            return plural(head) + link + tail
    head, _, noun = phrase.rpartition(" ")
    return f"{head} {IRREGULAR.get(noun, noun + 's')}".strip()


def word(name: str, rng: np.random.Generator) -> str:
    """One wording of a canonical name, in the singular; the name itself more often than any other."""
    choices = WORDINGS.get(name, (name,))
    return name if rng.random() < 0.4 else choices[rng.integers(len(choices))]


def say(name: str, rng: np.random.Generator) -> str:
    """One wording of a canonical name, sometimes in the plural or with an article."""
    phrase = word(name, rng)
    if rng.random() < 0.1:
        return plural(phrase)
    return f"the {phrase}" if rng.random() < 0.1 else phrase


def say_measure(name: str, target: str, rng: np.random.Generator) -> str:
    """One wording of a measurement of a target; names of head measurements already contain theirs."""
    choices = MEASURES[name]
    words = name if rng.random() < 0.4 else choices[rng.integers(len(choices))]
    if name in ("longest diameter", "perpendicular diameter", "area"):
        subject = word(target, rng)
        return f"{words} of the {subject}" if rng.random() < 0.7 else f"{subject} {words}"
    return words
