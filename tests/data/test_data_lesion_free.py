"""Views of tissue beside a lesion."""

import numpy as np
import pytest

from umind.data.labelled import Facts, Labelled
from umind.data.lesion_free import MARGIN, MIN_SIDE, beside_lesion

SIZE = 100


def item(top: int, bottom: int, left: int, right: int, *names: str) -> Labelled:
    """An image whose grey level tells its column, with one box-shaped instance."""
    pixels = np.broadcast_to(np.arange(100, 100 + SIZE, dtype=np.uint8), (SIZE, SIZE)).copy()
    labels = np.zeros((SIZE, SIZE), np.uint8)
    labels[top:bottom, left:right] = 1
    structures = tuple((name, 1, {}) for name in names)
    return Labelled(pixels, labels, Facts("own", "train", "k", "k", "breast", structures, ("fetal head",), {}))


def test_the_lesion_is_outside_and_known_to_be_absent() -> None:
    source = item(40, 60, 10, 30, "breast lesion")
    shapes = set()
    for seed in range(40):
        view = beside_lesion(source, np.random.default_rng(seed))
        shapes.add(view.pixels.shape)
        assert min(view.pixels.shape) >= MIN_SIDE * SIZE or view.pixels.shape == (36, SIZE)
        assert not view.labels.any()
        assert view.labels.shape == view.pixels.shape
        assert view.facts.structures == ()
        assert view.facts.absent == ("fetal head", "breast lesion")
        if view.pixels.shape[0] == SIZE:
            assert view.pixels.min() == 100 + 30 + round(MARGIN * SIZE)
    assert shapes == {(SIZE, SIZE - 34)}


def test_above_and_below() -> None:
    shapes = {
        beside_lesion(item(50, 52, 2, 98, "breast lesion"), np.random.default_rng(seed)).pixels.shape for seed in range(40)
    }
    assert shapes == {(46, SIZE), (44, SIZE)}


@pytest.mark.parametrize(
    "source",
    [
        item(5, 95, 5, 95, "breast lesion"),
        item(40, 60, 10, 30, "ovarian mass"),
        item(40, 60, 10, 30, "thyroid nodule", "carotid artery"),
        item(40, 40, 10, 30, "breast lesion"),
        item(40, 60, 10, 30),
    ],
    ids=["too large", "not annotated wherever it is", "other things too", "cut off", "nothing there"],
)
def test_no_view(source: Labelled) -> None:
    assert beside_lesion(source, np.random.default_rng(0)) is None


def test_black_is_no_tissue() -> None:
    source = item(40, 60, 10, 30, "breast lesion")
    source.pixels[:, 34:] = 0
    assert beside_lesion(source, np.random.default_rng(0)) is None
