"""Descriptors of a lesion as a text states them, each as one class of its own, ready for `umind.metrics.classes`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from umind.metrics.findings import findings_of

NONE = "none"
"""Class of a descriptor that a text denies."""
DESCRIPTORS: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "echogenicity": {
            "anechoic": ("anechoic",),
            "hypoechoic": ("hypoechoic",),
            "isoechoic": ("isoechoic",),
            "hyperechoic": ("hyperechoic",),
            "complex": ("complex cystic and solid",),
            "heterogeneous": ("heterogeneous",),
        },
        "margin": {
            "circumscribed": ("circumscribed",),
            "not circumscribed": ("not circumscribed", "spiculated", "angular", "lobulated"),
        },
        "shape": {"oval": ("oval",), "round": ("round",), "irregular": ("irregular",)},
        "posterior features": {
            NONE: (),
            "enhancement": ("enhancement",),
            "shadowing": ("shadowing",),
            "combined": ("combined pattern",),
        },
    }
)
"""Classes of each descriptor (BI-RADS ultrasound, 5th edition 2013), and the findings that state them."""


def descriptor_of(text: str, descriptor: str) -> str | None:
    """The class that a text states; None when it states none, or several that exclude each other.

    Enhancement with shadowing is a combined pattern; a text without posterior features denies them in so many words.

    Args:
        text: Words of a report, or of an annotation.
        descriptor: Key of `DESCRIPTORS`.
    """
    findings = findings_of(text)
    there = {finding.name for finding in findings if finding.present}
    stated = {label for label, words in DESCRIPTORS[descriptor].items() if there.intersection(words)}
    if descriptor == "posterior features":
        if {"enhancement", "shadowing"} <= stated:
            return "combined"
        denied = {finding.name for finding in findings if not finding.present}
        if not stated and ("posterior features" in denied or {"enhancement", "shadowing"} <= denied):
            return NONE
    return stated.pop() if len(stated) == 1 else None
