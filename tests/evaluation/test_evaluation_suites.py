"""Suites by name, on sets found in a folder."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from evaluation_oracle import Oracle

from umind.evaluation.suites import SUITES, Together, open_portions, run_suites


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two images of a breast set: one with a lesion, one for testing."""
    root = tmp_path / "BUSBRA"
    (root / "Images").mkdir(parents=True)
    (root / "Masks").mkdir()
    for number in (1, 2, 3):
        mask = np.zeros((40, 50), np.uint8)
        mask[10:20, 10:30] = 255
        cv2.imwrite(str(root / f"Images/bus_000{number}-l.png"), mask // 2)
        cv2.imwrite(str(root / f"Masks/mask_000{number}-l.png"), mask)
    rows = [f"bus_000{n}-l,none,{kind},4,maker" for n, kind in ((1, "benign"), (2, "malignant"), (3, "benign"))]
    (root / "bus_data.csv").write_text("\n".join(["ID,Histology,Pathology,BIRADS,Device", *rows]) + "\n")
    splits = ["Images/bus_0001-l,1,1,val", "Images/bus_0002-l,2,2,val", "Images/bus_0003-l,3,3,test"]
    (root / "splits.csv").write_text("\n".join(["image,patient,group,split", *splits]) + "\n")
    return tmp_path


def test_sets_of_a_folder(folder: Path) -> None:
    portions = open_portions(folder, "val")
    assert {name: len(portion) for name, portion in portions.items()} == {"BUSBRA": 2}
    assert len(open_portions(folder, "val", limit=1)["BUSBRA"]) == 1
    assert open_portions(folder, "train") == {}
    first = open_portions(folder, "val", without={"BUSBRA": ["Images/bus_0002-l"], "HC18": ["Images/bus_0001-l"]})["BUSBRA"]
    assert ([sample.key for sample in first], first.num_left_out) == (["Images/bus_0001-l"], 1)
    assert open_portions(folder, "test", without={"BUSBRA": ["Images/bus_0003-l"]}) == {}
    assert len(open_portions(folder / "BUSBRA", "val")["BUSBRA"]) == 2
    with pytest.raises(ValueError, match="known folders"):
        open_portions(folder / "BUSBRA" / "Images", "val")


def test_suites_by_name(folder: Path) -> None:
    portion = open_portions(folder, "val")["BUSBRA"]
    samples = list(portion)
    oracle = Oracle(samples)
    card = run_suites(oracle, Together([samples, []]))
    assert card.keys() == SUITES.keys()
    assert card["segmentation"][0]["dice"]["value"] == 1
    assert card["detection"][0]["ap"]["value"] == 1
    assert card["keypoints"][0]["oks_ap"]["value"] == 1
    assert card["diagnosis"][0]["auroc"]["value"] == 1
    assert card["measurement"] == []
    json.dumps(card, allow_nan=False)
    with pytest.raises(ValueError, match="segmentation, detection"):
        run_suites(oracle, samples, ["grading"])
