"""What the command writes to a terminal or a pipe: lines on stdout, failures and progress on stderr."""

from __future__ import annotations

import sys
from io import TextIOWrapper
from pathlib import Path

NOTICE = "Research use only, not for diagnosis."
BAR_WIDTH = 24
CLEAR_LINE = "\r\x1b[K"


class CallError(ValueError):
    """The call itself was wrong: exit code 2. The message says what was given and what was wanted."""


def tolerate_narrow_encodings() -> None:
    """Let a character that the terminal's encoding lacks come out as an escape, instead of ending the run."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def say(text: str) -> None:
    """Write a line, or several, to stdout."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def complain(text: str) -> None:
    """Write one failure to stderr, as one line."""
    sys.stderr.write(f"umind: {' '.join(text.split())}\n")


def complain_of(path: Path, error: Exception) -> None:
    """Write why a file failed to stderr, with the path as it was given."""
    complain(f"{path}: {str(error).removeprefix(f'{path}: ').removeprefix(f'{path.name}: ')}")


class Progress:
    """A bar on stderr, when that is a terminal and there is more than one thing to wait for; else nothing.

    Args:
        total: Things to wait for.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.shown = total > 1 and sys.stderr.isatty()

    def show(self, done: int) -> None:
        """Draw the bar with so many things done."""
        if self.shown:
            filled = BAR_WIDTH * done // self.total
            sys.stderr.write(f"{CLEAR_LINE}[{'#' * filled}{'.' * (BAR_WIDTH - filled)}] {done}/{self.total}")
            sys.stderr.flush()

    def clear(self) -> None:
        """Take the bar away, before a line is written and at the end."""
        if self.shown:
            sys.stderr.write(CLEAR_LINE)
            sys.stderr.flush()
