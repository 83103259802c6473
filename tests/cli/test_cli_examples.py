"""The examples do what they say, with the embedded model, and the demo of the Makefile is in step with them."""

from __future__ import annotations

import csv
import re
import runpy
import shlex
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from umind import read
from umind.checkpoint import EMBEDDED
from umind.cli.main import main

REPOSITORY = Path(__file__).parents[2]
EXAMPLES = REPOSITORY / "examples"
needs_weights = pytest.mark.skipif(
    not (EMBEDDED / "model.safetensors").exists(), reason="the embedded weights, umind/weights/umind-tiny, are not here"
)


def run_example(name: str, *arguments: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")


def demo_words() -> list[str]:
    makefile = (REPOSITORY / "Makefile").read_text("utf-8").replace("\\\n", " ")
    found = re.search(r"^DEMO = (.*)$", makefile, flags=re.MULTILINE)
    assert found
    return shlex.split(found[1])


def test_phantom_is_the_checked_in_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run_example("make_phantom.py", tmp_path / "phantom.png", monkeypatch=monkeypatch)
    drawn, kept = (read(folder / "phantom.png") for folder in (tmp_path, EXAMPLES))
    difference = np.abs(drawn.pixels.astype(int) - kept.pixels.astype(int))  # type: ignore[union-attr]
    assert difference.mean() < 1  # fast Fourier transforms round differently from machine to machine
    said = re.search(r"spacing: ([0-9.]+) mm", capsys.readouterr().out)
    assert said
    words = demo_words()
    assert words[words.index("--spacing") + 1] == said[1]
    assert f"spacing={said[1]}" in (EXAMPLES / "segment_and_measure.py").read_text("utf-8")


@needs_weights
def test_demo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(EXAMPLES, tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    assert main(demo_words()) == 0
    said = capsys.readouterr().out
    for part in (" found, presence", "mask of", "box x", " mm, presence", "points of cyst: 4"):
        assert part in said
    assert "(benign " in said
    assert "report: " in said
    assert (tmp_path / "results" / "demo" / "phantom.overlay.png").exists()


@needs_weights
def test_segment_and_measure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    run_example("segment_and_measure.py", tmp_path / "tour.png", monkeypatch=monkeypatch)
    with Image.open(tmp_path / "tour.png") as picture:
        assert picture.width >= 512
    assert " mm, by longest diameter" in capsys.readouterr().out


@needs_weights
def test_batch_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "scans"
    folder.mkdir()
    shutil.copy(EXAMPLES / "phantom.png", folder)
    (folder / "bad.png").write_text("no image", "utf-8")
    run_example("batch_folder.py", folder, tmp_path / "table.csv", "solid lesion", monkeypatch=monkeypatch)
    rows = list(csv.DictReader((tmp_path / "table.csv").read_text("utf-8").splitlines()))
    assert {row["image"] for row in rows} == {"phantom.png"}
    said = capsys.readouterr()
    assert "bad.png" in said.err
    assert "1 of 2 images" in said.out
