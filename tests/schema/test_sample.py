"""Labelled images."""

import numpy as np
import pytest

from umind.schema.image import UltrasoundImage
from umind.schema.sample import Sample, Structure


def test_structures_by_name() -> None:
    cyst = Structure("cyst", masks=np.ones((1, 4, 5), bool))
    image = UltrasoundImage(np.zeros((4, 5), np.uint8))
    sample = Sample(image, key="a", dataset="phantom", split="train", organ="breast", structures=(cyst,))
    assert sample.structure("cyst") is cyst
    assert sample.structure("lesion") is None


def test_defaults_are_empty_and_read_only() -> None:
    cyst = Structure("cyst", masks=np.ones((1, 4, 5), bool))
    with pytest.raises(TypeError):
        cyst.attributes["shape"] = "oval"  # type: ignore[index]
