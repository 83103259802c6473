"""What the command's tests share: a model in a folder, and an image to give it."""

from __future__ import annotations

import json
from pathlib import Path

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
