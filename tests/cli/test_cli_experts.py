"""``umind experts``: tables, JSON and the heat map."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from umind import UMindVL
from umind.backbone.moe.config import MoEConfig
from umind.backbone.moe.upcycle import upcycle
from umind.cli.main import main


@pytest.fixture(scope="module")
def sparse_folder(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small model with experts."""
    model = UMindVL.from_pretrained(model_folder)
    torch.manual_seed(0)
    upcycle(model.model.language, MoEConfig(moe_intermediate_size=32, shared_expert_intermediate_size=64, num_skip_experts=1))
    folder = tmp_path_factory.mktemp("sparse")
    model.save_pretrained(folder)
    return folder


def test_tables(breast_sets: Path, sparse_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["experts", str(sparse_folder), "--data", str(breast_sets)]) == 0
    told = capsys.readouterr().out
    assert "2 images" in told
    assert "Organs: breast 2" in told
    assert "| Layer | expert 1 | expert 2 | expert 3 | expert 4 | skip 1 | entropy, bits |" in told
    assert len([line for line in told.splitlines() if line.startswith("| 2 |")]) == 2


def test_json_and_picture(breast_sets: Path, sparse_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "load.png"
    call = ["experts", str(sparse_folder), "--data", str(breast_sets), "--split", "test", "--json", "--out", str(picture)]
    assert main(call) == 0
    card = json.loads(capsys.readouterr().out)
    assert card["regions"] == {"breast": 3}
    assert [layer["layer"] for layer in card["layers"]] == ["language.layers.0.mlp", "language.layers.1.mlp"]
    assert all(sum(layer["load"]) == pytest.approx(1, abs=1e-5) for layer in card["layers"])
    assert np.asarray(Image.open(picture)).std() > 10
    assert main(call) == 0
    assert json.loads(capsys.readouterr().out) == card


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--split", "train"], "no image in its train split"),
        (["--data", "nowhere"], "nowhere"),
        (["--out", "load.txt"], "ends in .png"),
    ],
)
def test_wrong_calls(
    breast_sets: Path, sparse_folder: Path, words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["experts", str(sparse_folder), "--data", str(breast_sets), *words]) == 2
    assert complaint in capsys.readouterr().err


def test_model_without_experts(
    breast_sets: Path, model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["experts", str(model_folder), "--data", str(breast_sets)]) == 2
    assert "has no experts" in capsys.readouterr().err
    assert main(["experts", str(tmp_path / "gone"), "--data", str(breast_sets)]) == 2
    assert "gone: wanted a folder" in capsys.readouterr().err
