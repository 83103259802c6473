from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from umind.cli.sources import open_model, open_still
from umind.cli.terminal import CallError
from umind.geometry.spacing import Spacing


def test_the_embedded_model_is_found_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    by_name, by_default = (open_model(model, device="cpu") for model in (Path("umind-tiny"), None))
    assert by_name.model.config.to_dict() == by_default.model.config.to_dict()


def test_another_name_without_a_folder_is_refused_and_not_asked_of_the_network(tmp_path: Path) -> None:
    with pytest.raises(CallError, match="wanted a folder"):
        open_model(tmp_path / "gone", device="cpu")
    with pytest.raises(CallError, match=r"no adapter in .*gone"):
        open_model(None, device="cpu", adapter=tmp_path / "gone")


def test_the_ruler_is_read_only_when_asked_for_and_needed(tmp_path: Path) -> None:
    pixels = np.zeros((400, 400), np.uint8)
    pixels[60:340, 100:300] = np.random.default_rng(0).integers(40, 200, (280, 200))
    for tick in range(12):
        pixels[40 + 25 * tick, 380:386] = 255
    path = tmp_path / "scan.png"
    Image.fromarray(pixels).save(path)
    plain, ruled, given = (
        open_still(path, spacing=spacing, ruler=ruler, frame=None)
        for spacing, ruler in ((None, None), (None, 1.0), (Spacing.of(0.3), 1.0))
    )
    assert (plain.spacing, plain.calibration) == (None, "none")
    assert ruled.spacing is not None
    assert ruled.spacing.dx == pytest.approx(0.4, rel=0.01)
    assert ruled.calibration == "ruler"
    assert (given.spacing, given.calibration) == (Spacing.of(0.3), "user")
