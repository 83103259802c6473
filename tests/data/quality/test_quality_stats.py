"""Counts of a set equal what was put into it, and its histograms can be drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from umind.data.quality.histogram import TITLES, bars, draw_histograms
from umind.data.quality.stats import Held, Statistics, count, spread


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two breasts with lesions, one of them with two, and a normal one."""
    base = tmp_path / "Dataset_BUSI_with_GT"
    sizes = {"benign/benign (1)": (40, 60), "malignant/malignant (1)": (50, 50), "normal/normal (1)": (30, 80)}
    for key, (height, width) in sizes.items():
        (base / key).parent.mkdir(parents=True)
        mask = np.zeros((height, width), np.uint8)
        if not key.startswith("normal"):
            mask[5:15, 5:25] = 1
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width), np.uint8)).save(base / f"{key}.png")
        Image.fromarray(mask).save(base / f"{key}_mask.png")
    second = np.zeros((40, 60), np.uint8)
    second[30:35, 40:50] = 1
    Image.fromarray(second).save(base / "benign" / "benign (1)_mask_1.png")
    (base / "normal" / "broken.png").write_bytes(b"no picture")
    rows = ["image,patient,group,split", *(f"{key},p,g,train" for key in sizes), "normal/broken,q,h,test"]
    (base / "splits.csv").write_text("\n".join(rows), "utf-8")
    return base


def test_counts(root: Path) -> None:
    held = count(root)
    assert (held.name, held.num_images, held.unreadable) == ("Dataset_BUSI_with_GT", 3, 1)
    assert held.splits == {"train": 3}
    assert held.patients == {"train": 1}
    assert held.organs == {"breast": 3}
    assert held.structures["breast lesion"] == Held(images=2, outlined=3, boxed=0, absent=1)
    assert held.structures["fetal head"] == Held(absent=3)
    assert held.classes == {"breast lesion: benign": 1, "breast lesion: malignant": 1}
    assert held.sides == (60, 50, 80)
    assert held.spacings == ()
    assert held.instances == (2, 1, 0)
    assert held.areas == pytest.approx((50 / 2400, 200 / 2400, 200 / 2500))


def test_spread() -> None:
    assert spread([3, 1, 2]) == {"least": 1, "median": 2, "greatest": 3}
    assert spread([]) is None


def test_histograms(root: Path) -> None:
    nothing = Statistics("nothing", "unknown", 0)
    one, two = draw_histograms([count(root)]), draw_histograms([count(root), nothing])
    assert one.width == two.width > 300 * len(TITLES)
    assert two.height > one.height
    assert len(np.unique(np.asarray(one).reshape(-1, 3), axis=0)) > 5
    with pytest.raises(ValueError, match="no set"):
        draw_histograms([])


def test_bars_stand_on_the_floor_and_are_as_high_as_their_counts() -> None:
    boxes = list(bars(np.array([4, 0, 2, 1000 * 4]), (0, 0, 40, 100)))
    assert [box[3] for box in boxes] == [100, 100, 100]
    assert [box[3] - box[1] for box in boxes] == [1, 1, 100]
    assert [box[0] for box in boxes] == [0, 20, 30]
