"""A division of a set whose own files divide nothing: by patient, with near-duplicates on one side."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt64

from umind.data.adapters.base import Adapter
from umind.data.adapters.registry import open_dataset
from umind.data.adapters.splits import COLUMNS, TABLE, Record, read_splits
from umind.data.quality.fingerprint import fingerprint, twins, unite
from umind.data.quality.reading import read_each
from umind.schema.sample import Split


def keep_together(records: Sequence[Record], fingerprints: UInt64[np.ndarray, "n 4"]) -> tuple[Record, ...]:
    """The same images, with patients and near-duplicates in one part and one group.

    What belongs together goes where its first image by key is; the name of that image's group becomes the group of all.
    So the share of each part stays what it was, and a part depends on nothing but the images that are there.

    Args:
        records: Images of a set.
        fingerprints: One row for each of them.
    """
    order = sorted(range(len(records)), key=lambda index: records[index].key)
    ranked = [records[index] for index in order]
    first_of: dict[str, int] = {}
    related = [(first_of.setdefault(name, rank), rank) for rank, record in enumerate(ranked) for name in names_of(record)]
    alike = [(int(first), int(second)) for first, second, _ in twins(fingerprints[order])]
    leaders = unite(len(ranked), [*related, *alike])
    joined = {
        record.key: Record(record.key, ranked[leader].split, record.patient, ranked[leader].group)
        for record, leader in zip(ranked, leaders, strict=True)
    }
    return tuple(joined[record.key] for record in records)


def names_of(record: Record) -> Iterator[str]:
    """What a record shares with others that belong to it."""
    yield f"group {record.group}"
    if record.patient is not None:
        yield f"patient {record.patient}"


def open_divided(root: Path, folder: Path, splits: tuple[Split, ...] = ("train", "val", "test")) -> Adapter:
    """A set, divided by its own ``splits.csv`` or else by one that is made once and kept in another folder.

    Args:
        root: Folder of the set.
        folder: Where the table of a set without one is looked for and put; it can be moved to the set's folder.
        splits: Parts to keep.

    Raises:
        ValueError: As `open_dataset`.
    """
    if (root / TABLE).is_file():
        return open_dataset(root, splits)
    adapter = open_dataset(root)
    if not (folder / TABLE).is_file():
        divided = fingerprinted(adapter)
        moved = sum(new.split != old.split for new, old in zip(divided, adapter.records, strict=True))
        write_splits(folder, divided)
        warnings.warn(
            f"{root.name} has no {TABLE}: it was divided by patient and by near-duplicates, {moved} of {len(divided)} images"
            f" moved to the part of theirs; who goes where is in {folder / TABLE}",
            UserWarning,
            stacklevel=2,
        )
    parts = {record.key: record for record in read_splits(folder)}
    known = [parts[record.key] for record in adapter.records if record.key in parts]
    if len(known) < len(adapter.records):
        new = next(record.key for record in adapter.records if record.key not in parts)
        raise ValueError(f"{folder / TABLE} lacks {new}: the set has grown; remove that table, and what was made from it")
    adapter.records = tuple(record for record in known if record.split in splits)
    return adapter


def fingerprinted(adapter: Adapter) -> tuple[Record, ...]:
    """All images of a set, near-duplicates together; one that cannot be read stays where it was."""
    seen = [(reading.record, fingerprint(reading.sample.image.grey)) for reading in read_each(adapter) if reading.sample]
    if not seen:
        return adapter.records
    together = {
        record.key: record for record in keep_together([record for record, _ in seen], np.stack([bits for _, bits in seen]))
    }
    return tuple(together.get(record.key, record) for record in adapter.records)


def write_splits(folder: Path, records: Sequence[Record]) -> None:
    """Write ``splits.csv`` into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / TABLE).open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        writer.writerows((record.key, record.patient or "", record.group, record.split) for record in records)
