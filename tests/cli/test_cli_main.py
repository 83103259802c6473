from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from types import SimpleNamespace

import pytest

from umind.cli import main as command
from umind.cli import terminal
from umind.cli.main import main


def test_help_lists_what_is_real() -> None:
    code = "import sys; from umind.cli.main import main; sys.exit(main(['--help']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for name in (
        "analyze",
        "segment",
        "detect",
        "keypoints",
        "measure",
        "classify",
        "ask",
        "report",
        "info",
        "data",
        "evaluate",
        "experts",
        "fit",
    ):
        assert f"    {name}" in done.stdout
    assert "not for diagnosis" in done.stdout


@pytest.mark.parametrize("name", ["fit", "validate", "test", "predict"])
def test_training_gets_its_own_arguments(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[tuple[str, Sequence[str]]] = []
    room = SimpleNamespace(run=lambda subcommand, arguments: called.append((subcommand, arguments)))
    monkeypatch.setattr(command, "import_module", lambda module: {"umind.cli.fit": room}[module])
    assert main([name, "--config", "tiny.yaml", "--help"]) == 0
    assert called == [(name, ["--config", "tiny.yaml", "--help"])]


def test_full_disk_and_interruption(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(error: BaseException) -> None:
        monkeypatch.setattr(command, "import_module", lambda module: SimpleNamespace(run=raising(error)))

    fail(OSError("No space left on device"))
    assert main(["fit"]) == 1
    assert capsys.readouterr().err == "umind: No space left on device\n"
    fail(KeyboardInterrupt())
    assert main(["fit"]) == 130


def raising(error: BaseException) -> object:
    def run(subcommand: str, arguments: Sequence[str]) -> None:
        raise error

    return run


def test_progress_only_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    terminal.Progress(4).show(1)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    terminal.Progress(1).show(0)  # one thing needs no bar
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    progress = terminal.Progress(4)
    progress.show(1)
    progress.clear()
    assert capsys.readouterr().err == "\r\x1b[K[######..................] 1/4\r\x1b[K"
