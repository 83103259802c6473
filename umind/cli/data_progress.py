"""A bar for whatever reads the images of a folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from umind.cli.terminal import Progress
from umind.data.quality.reading import Watch


@contextmanager
def watching() -> Iterator[Watch]:
    """A watch that shows a bar from its first call on; the bar is gone at the end."""
    bars: list[Progress] = []

    def watch(done: int, total: int) -> None:
        if not bars:
            bars.append(Progress(total))
        bars[0].show(done)

    try:
        yield watch
    finally:
        for bar in bars:
            bar.clear()
