"""What the command's tests share: a model in a folder, an image to give it, and a folder of data sets."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from umind import UMindVL, one_pass
from umind.data.phantom import phantom_sample


@pytest.fixture(scope="session")
def model_folder(random_umind: UMindVL, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small random model in a folder, with a calibration that takes everything for present."""
    folder = tmp_path_factory.mktemp("model")
    random_umind.save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config |= {"presence_shift": 20.0, "score_threshold": 0.0}
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    return folder


@pytest.fixture(autouse=True)
def _few_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random weights never come to an end by themselves."""
    monkeypatch.setattr(one_pass, "MAX_NEW_TOKENS", 6)


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    """A phantom as PNG."""
    path = tmp_path / "scan.png"
    Image.fromarray(phantom_sample(1, size=96, scene="lesions").image.pixels).save(path)
    return path


@pytest.fixture
def breast_sets(tmp_path: Path) -> Path:
    """Five look-alikes of BUS-BRA, two of them for validation."""
    root = tmp_path / "sets" / "BUSBRA"
    (root / "Images").mkdir(parents=True)
    (root / "Masks").mkdir()
    rows, tables = ["image,patient,group,split"], ["ID,Pathology,BIRADS,Histology,Side,Device"]
    rng = np.random.default_rng(0)
    for number in range(5):
        pixels, mask = rng.integers(0, 160, (64, 64), dtype=np.uint8), np.zeros((64, 64), np.uint8)
        cv2.circle(mask, (30, 30 + number), 12, 255, -1)
        pixels[mask > 0] //= 4
        cv2.imwrite(str(root / "Images" / f"bus_{number:04d}-l.png"), pixels)
        cv2.imwrite(str(root / "Masks" / f"mask_{number:04d}-l.png"), mask)
        rows.append(f"Images/bus_{number:04d}-l,{number},{number},{'val' if number < 2 else 'test'}")
        tables.append(f"bus_{number:04d}-l,{'benign' if number % 2 else 'malignant'},4,cyst,left,GE")
    (root / "splits.csv").write_text("\n".join(rows) + "\n", "utf-8")
    (root / "bus_data.csv").write_text("\n".join(tables) + "\n", "utf-8")
    return root.parent
