"""Labelled images."""

import numpy as np

from umind.schema.image import UltrasoundImage
from umind.schema.sample import Exchange, Sample, Structure


def test_a_question_tells_its_options_unless_it_names_them() -> None:
    assert Exchange("What is it?", answer="cyst").asked == "What is it?"
    assert Exchange("What is it?", answer="cyst", options=("cyst", "mass")).asked == "What is it? Options: cyst; mass."
    assert Exchange("Cyst or mass?", answer="cyst", options=("cyst", "mass")).asked == "Cyst or mass?"
    assert Exchange("", answer="cyst", options=("cyst", "mass")).asked == ""


def test_structures_by_name() -> None:
    cyst = Structure("cyst", masks=np.ones((1, 4, 5), bool))
    image = UltrasoundImage(np.zeros((4, 5), np.uint8))
    sample = Sample(image, key="a", dataset="phantom", split="train", organ="breast", structures=(cyst,))
    assert sample.structure("cyst") is cyst
    assert sample.structure("lesion") is None


def test_defaults_are_empty_and_not_shared() -> None:
    first, second = (Structure("cyst", masks=np.ones((1, 4, 5), bool)) for _ in range(2))
    assert first.attributes == {}
    assert first.attributes is not second.attributes
