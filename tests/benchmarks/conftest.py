"""A folder of data sets with copies across splits."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

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
