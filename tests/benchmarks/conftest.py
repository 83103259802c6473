"""A folder of data sets with copies across splits; stores, and a peer that learned from them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from peer_scenes import SIZE, drawn

from benchmarks.peers import train
from benchmarks.peers.fit import BATCH
from umind.data.store import Store

SPLITS = {"a": "train", "b": "test", "c": "val", "d": "test", "e": "val", "f": "train"}
COPIED = {"b": "a", "d": "c"}
"""The test image b is a train image in another brightness, d a validation image."""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A breast set of six images in three splits, two of which are copies; and one of train images alone."""
    rng = np.random.default_rng(0)
    for name in ("BUSBRA", "TG3K"):
        root = tmp_path / name
        (root / "Images").mkdir(parents=True)
        (root / "Masks").mkdir()
        mask = np.zeros((64, 80), np.uint8)
        mask[10:30, 20:50] = 255
        pictures = {key: cv2.resize(rng.integers(0, 200, (8, 10), np.uint8), (80, 64)) for key in SPLITS}
        for key, source in COPIED.items():
            pictures[key] = pictures[source] + 20
        for key, pixels in pictures.items():
            cv2.imwrite(str(root / f"Images/bus_{key}.png"), pixels)
            cv2.imwrite(str(root / f"Masks/mask_{key}.png"), mask)
        rows = [f"Images/bus_{key},{key},{key},{split if name == 'BUSBRA' else 'train'}" for key, split in SPLITS.items()]
        (root / "splits.csv").write_text("\n".join(["image,patient,group,split", *rows]) + "\n")
        facts = [f"bus_{key},x,benign,4,y" for key in SPLITS]
        (root / "bus_data.csv").write_text("\n".join(["ID,Histology,Pathology,BIRADS,Device", *facts]))
    return tmp_path


@pytest.fixture(scope="session")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three sets of breasts, normal ones among them, and one of heads."""
    folder = tmp_path_factory.mktemp("stores")
    for dataset in ("BUSBRA", "Dataset_BUSI_with_GT", "BrEaST", "HC18"):
        for split, first in (("train", 0), ("val", 100)):
            normal = dataset == "Dataset_BUSI_with_GT"
            samples = [
                drawn(seed, dataset=dataset, split=split, count=0 if normal and seed % 2 else None)
                for seed in range(first, first + 4)
            ]
            Store.write(folder / f"{dataset}-{split}", samples, len(samples), SIZE)
    return folder


@pytest.fixture(scope="session")
def trained(stores: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A breast specialist, hardly trained."""
    folder = tmp_path_factory.mktemp("peers")
    samples = str(8 * BATCH)
    settings = ["--samples", samples, "--size", str(SIZE), "--random-weights", "--workers", "0", "--rate", "1e-3", "3e-3"]
    train.main(["--stores", str(stores), "--organ", "breast", "--out", str(folder), *settings])
    return folder
