"""Hostile files give an image or an `ImageReadError` that names them, and nothing else; `hostile` makes them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hostile import bombs, examine, hostile_files, whole_files


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


def test_whole_files_are_images(folder: Path) -> None:
    """Damage is only worth something on files that would be read."""
    refused = {"jls.dcm"}  # a baseline JPEG under another name
    for name, content in whole_files(folder):
        (folder / "whole").write_bytes(content)
        assert (examine(folder / "whole") == "image") is (name not in refused), name


def test_two_hundred_hostile_files(folder: Path) -> None:
    seen = set()
    for name, content in hostile_files(folder, 200, with_cuts=False):
        path = folder / f"hostile-{name}"
        path.write_bytes(content)
        said = examine(path)
        assert said == "image" or path.name in said
        seen.add(said == "image")
    assert seen == {True, False}


def test_every_kilobyte(folder: Path) -> None:
    for name, content in whole_files(folder):
        path = folder / f"cut-{name}"
        for end in range(0, len(content), 1024):
            path.write_bytes(content[:end])
            said = examine(path)
            assert said == "image" or path.name in said


def test_the_same_files_for_the_same_seed(tmp_path: Path) -> None:
    first, second, other = (
        [content for _, content in hostile_files(tmp_path, 60, seed, with_cuts=False)][-20:] for seed in (1, 1, 2)
    )
    assert first == second != other


def test_no_bomb_is_an_image(folder: Path) -> None:
    whole = dict(whole_files(folder))
    harmless = {"huge-a.mp4", "huge-b.mp4"}  # the coded picture says its size itself
    for name, content in bombs(whole, folder):
        (folder / name).write_bytes(content)
        said = examine(folder / name)
        assert said == "image" if name in harmless else name.split(".")[0] in said
