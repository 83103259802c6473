"""Every image of a set, read or with the reason why it cannot be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from umind.data.adapters.base import Adapter
from umind.data.adapters.splits import Record
from umind.schema.sample import Sample

UNREADABLE = (ValueError, OSError, KeyError)
"""What reading a broken file can raise."""

Watch = Callable[[int, int], None]
"""Told how many images are done and how many there are."""


def silent(done: int, total: int) -> None:
    """Watch nothing."""


@dataclass(frozen=True, eq=False)
class Reading:
    """What became of an image.

    Args:
        record: Which image.
        sample: The image with its truth; None when it cannot be read.
        reason: Why not; empty when it can be.
    """

    record: Record
    sample: Sample | None
    reason: str = ""


def read_each(adapter: Adapter, watch: Watch = silent) -> Iterator[Reading]:
    """All images of a set in order, one at a time; a broken one ends nothing."""
    for done, record in enumerate(adapter.records, start=1):
        try:
            yield Reading(record, adapter.read(record))
        except UNREADABLE as error:
            yield Reading(record, None, str(error) or type(error).__name__)
        watch(done, len(adapter.records))
