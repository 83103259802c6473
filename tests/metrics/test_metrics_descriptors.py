"""Descriptors read from reports and annotations: one class, or none that counts."""

import pytest

from umind.metrics.descriptors import DESCRIPTORS, descriptor_of


@pytest.mark.parametrize(
    ("text", "descriptor", "want"),
    [
        ("One hypoechoic irregular breast lesion in the left.", "echogenicity", "hypoechoic"),
        ("marked hypoechogenicity", "echogenicity", "hypoechoic"),
        ("complex cystic/solid", "echogenicity", "complex"),
        ("A cyst beside a solid mass.", "echogenicity", None),
        ("not hypoechoic", "echogenicity", None),
        ("Margin not circumscribed - angular, indistinct.", "margin", "not circumscribed"),
        ("Margin spiculated.", "margin", "not circumscribed"),
        ("well defined smooth", "margin", "circumscribed"),
        ("Circumscribed, in part spiculated.", "margin", None),
        ("One oval breast lesion.", "shape", "oval"),
        ("An oval or irregular mass.", "shape", None),
        ("posterior features shadowing", "posterior features", "shadowing"),
        ("Posterior features combined.", "posterior features", "combined"),
        ("posterior enhancement and shadowing", "posterior features", "combined"),
        ("no posterior features", "posterior features", "none"),
        ("No enhancement or shadowing.", "posterior features", "none"),
        ("no shadowing", "posterior features", None),
        ("", "posterior features", None),
        ("Assessment combined with age.", "posterior features", None),
    ],
)
def test_one_class_or_none(text: str, descriptor: str, want: str | None) -> None:
    assert descriptor_of(text, descriptor) == want


def test_each_finding_states_its_class() -> None:
    for descriptor, classes in DESCRIPTORS.items():
        for label, findings in classes.items():
            assert {descriptor_of(f"{finding}.", descriptor) for finding in findings} <= {label}
