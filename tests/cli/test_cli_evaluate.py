"""``umind evaluate``: tables, cards, and predictions that are kept."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from umind.cli.main import main


@pytest.fixture
def folder(tmp_path: Path) -> Path:
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


def test_tables(folder: Path, model_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--data", str(folder), "--model", str(model_folder), "--suite", "segmentation"]) == 0
    told = capsys.readouterr().out
    assert "| BUSBRA, breast lesion | 2 |" in told
    assert "Presence" not in told


def test_the_set_itself_in_place_of_a_folder_of_sets(
    folder: Path, model_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = ["evaluate", "--model", str(model_folder), "--split", "test", "--json", "--data"]
    assert main([*call, str(folder)]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert main([*call, str(folder / "BUSBRA")]) == 0
    assert json.loads(capsys.readouterr().out) == whole
    assert whole["segmentation"][0]["num_images"] == 3
    assert whole["diagnosis"][0]["counts"] == {"benign": 1, "malignant": 2}


def test_predict_once_and_score_without_a_model(
    folder: Path, model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = ["evaluate", "--data", str(folder), "--json", "--predictions", str(tmp_path / "kept.tsv")]
    assert main([*call, "--model", str(model_folder)]) == 0
    first = capsys.readouterr().out
    assert main([*call, "--score-only"]) == 0
    assert capsys.readouterr().out == first
    assert main([*call, "--score-only", "--split", "test"]) == 2
    assert "holds no answer" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--score-only"], "--score-only wants --predictions"),
        (["--split", "train"], "nothing in its train split"),
        (["--data", "nowhere"], "nowhere"),
        (["--suite", "beauty"], "invalid choice"),
    ],
)
def test_wrong_calls(
    folder: Path, model_folder: Path, words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(["evaluate", "--data", str(folder), "--model", str(model_folder), *words])
    except SystemExit as stop:
        code = stop.code
    assert code == 2
    assert complaint in capsys.readouterr().err
