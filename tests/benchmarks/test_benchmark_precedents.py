"""Words come from the training annotation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from peer_scenes import SIZE

from benchmarks.peers.network import build_network
from benchmarks.peers.text import Precedents
from umind.data.store import Store
from umind.schema.image import UltrasoundImage
from umind.schema.result import Report


@dataclass
class Words:
    """Precedents of the training stores, and the images behind one of them."""

    precedents: Precedents
    images: list[UltrasoundImage]


@pytest.fixture(scope="module")
def words(stores: Path) -> Words:
    torch.manual_seed(0)
    places = [stores / "BUSBRA-train", stores / "Dataset_BUSI_with_GT-train", stores / "HC18-train"]
    opened = [Store(place) for place in places]
    precedents = Precedents(opened, build_network(imagenet=False).encoder, size=SIZE)
    return Words(precedents, [UltrasoundImage(store[k].pixels) for store in opened for k in range(len(store))])


def test_the_report_is_that_of_the_nearest_image(words: Words) -> None:
    reports = words.precedents.report(words.precedents.encode(words.images))
    assert [report.text for report in reports] == words.precedents.reports  # each image is its own neighbour
    for report in reports:
        assert isinstance(report, Report)
        assert "[" not in report.text
        assert "diameter" not in report.text
        assert " ." not in report.text
    assert reports[0].text.startswith("Breast ultrasound. ")
    assert "No breast lesion seen." in reports[5].text
    assert reports[-1].text.startswith("Fetal head ultrasound. ")


def test_the_class_is_the_most_frequent_one(words: Words) -> None:
    seen = words.precedents.encode(words.images[:1])
    known, heads, unknown = (
        words.precedents.classify(seen, [phrase], ["malignant", "benign"])[0]
        for phrase in ("breast lesion", "class of fetal head", "margin of breast lesion")
    )
    # seeds 0 to 3 of BUSBRA, of which 0 and 3 are malignant, and the even ones of BUSI, of which 0 is
    assert known.probabilities == pytest.approx([3 / 6, 3 / 6])
    assert heads.probabilities == pytest.approx([2 / 4, 2 / 4])
    assert unknown.probabilities == pytest.approx([1 / 2, 1 / 2])
    one = words.precedents.classify(seen, ["breast lesion"], ["benign", "cystic"])[0]
    assert one.probabilities == pytest.approx([1, 0])
    assert (one.label, one.presence, one.labels) == ("benign", 1, ("benign", "cystic"))


def test_precedents_want_images(stores: Path) -> None:
    with pytest.raises(ValueError, match="no training image"):
        Precedents([], torch.nn.Identity(), size=SIZE)
