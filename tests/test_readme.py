"""What the README shows works: its Python is run, its commands are parsed, its files exist."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from umind.checkpoint import EMBEDDED
from umind.cli.main import TRAINING, build_parser

REPOSITORY = Path(__file__).parents[1]
TEXT = (REPOSITORY / "README.md").read_text("utf-8")


def snippets(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, flags=re.MULTILINE | re.DOTALL)


def commands() -> list[list[str]]:
    lines = "".join(snippets("sh")).replace("\\\n", " ").splitlines()
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("umind ")]


def test_there_is_something_to_run() -> None:
    assert snippets("python")
    assert len(commands()) > 5


def test_demo_is_the_one_of_the_makefile() -> None:
    makefile = (REPOSITORY / "Makefile").read_text("utf-8").replace("\\\n", " ")
    demo = next(line for line in makefile.splitlines() if line.startswith("DEMO = "))
    assert shlex.split(demo.removeprefix("DEMO = ")) in commands()


@pytest.mark.skipif(
    not (EMBEDDED / "model.safetensors").exists(), reason="the embedded weights, umind/weights/umind-tiny, are not here"
)
def test_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(REPOSITORY / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for snippet in snippets("python"):
        exec(compile(snippet, "README.md", "exec"), names)


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_commands(words: list[str]) -> None:
    if words[0] not in TRAINING:  # LightningCLI reads its own
        assert build_parser().parse_args(words)
    for word in words:
        if word.startswith(("configs/", "examples/")):
            assert (REPOSITORY / word).exists()


def test_files_of_the_tree_exist() -> None:
    tree = next(block for block in snippets("text") if "umind/\n" in block)
    folder = REPOSITORY
    for line in tree.splitlines():
        entries = line.split("  #")[0].split()
        if not line.startswith(" "):
            folder = REPOSITORY
        for entry in entries:
            assert (folder / entry).exists() or entry in ("umind-tiny/", "docs/"), f"{entry} is in the README only"
        if not line.startswith(" "):
            folder = REPOSITORY / entries[0]
