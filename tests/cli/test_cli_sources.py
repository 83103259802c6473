from argparse import Namespace
from pathlib import Path

import pytest

from umind.cli.sources import open_model
from umind.cli.terminal import CallError


def test_the_embedded_model_is_found_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    by_name, by_default = (open_model(Namespace(model=model, device="cpu")) for model in (Path("umind-tiny"), None))
    assert by_name.model.config.to_dict() == by_default.model.config.to_dict()


def test_another_name_without_a_folder_is_refused_and_not_asked_of_the_network(tmp_path: Path) -> None:
    with pytest.raises(CallError, match="wanted a folder"):
        open_model(Namespace(model=tmp_path / "gone", device="cpu"))
