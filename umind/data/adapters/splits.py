"""Who goes where: the table of splits beside a set, or a division by patient where a set brings none."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

from umind.data.adapters.files import SUFFIXES, read_csv
from umind.schema.sample import Split

COLUMNS = ("image", "patient", "group", "split")
TABLE = "splits.csv"
SHARES = (("test", 0.15), ("val", 0.25))
"""Upper ends of the shares of test and val; the rest is train."""


@dataclass(frozen=True)
class Record:
    """An image of a set.

    Args:
        key: Path of the image below the set's folder, with forward slashes and without suffix.
        split: Which part it belongs to.
        patient: Patient identifier; None when the set publishes none.
        group: Joins one patient's images and near-duplicates; the key itself where nothing joins it with others.
    """

    key: str
    split: Split
    patient: str | None
    group: str

    @property
    def folder(self) -> str:
        """Everything of the key before the last slash; empty for a file in the set's own folder."""
        return self.key.rpartition("/")[0]

    @property
    def stem(self) -> str:
        """File name of the image without its suffix."""
        return self.key.rpartition("/")[2]


@dataclass(frozen=True)
class Listed:
    """An image as a set's own files list it.

    Args:
        key: As in `Record`.
        patient: Patient identifier, or video, or whatever images of one person share; None when the set publishes none.
        split: Part that the set publishes for it; None when it publishes none.
    """

    key: str
    patient: str | None = None
    split: Split | None = None


def read_splits(root: Path) -> tuple[Record, ...]:
    """Rows of ``splits.csv`` in a set's folder.

    Raises:
        ValueError: The table is missing, lacks a column, names a key twice, or holds an unknown split.
    """
    path = root / TABLE
    wanted = f"a table with the columns {','.join(COLUMNS)} (image: path, with or without suffix; split: train, val or test)"
    if not path.is_file():
        raise ValueError(f"{path} is missing; wanted is {wanted}")
    rows = read_csv(path)
    records = []
    for number, row in enumerate(rows, start=2):
        if any(row.get(column) is None for column in COLUMNS):
            raise ValueError(f"{path}, line {number}: wanted is {wanted}")
        if not row["image"] or row["split"] not in get_args(Split):
            raise ValueError(f"{path}, line {number}: image {row['image']!r}, split {row['split']!r}; wanted is {wanted}")
        key = without_suffix(row["image"])
        records.append(Record(key, cast(Split, row["split"]), row["patient"] or None, row["group"] or key))
    keys = [record.key for record in records]
    if len(set(keys)) < len(keys):
        raise ValueError(f"{path} names an image twice: {next(key for key in keys if keys.count(key) > 1)}")
    return tuple(records)


def without_suffix(image: str) -> str:
    """The key of an image that a table names with or without the suffix of a picture."""
    stem, dot, suffix = image.rpartition(".")
    return stem if dot and f".{suffix.lower()}" in SUFFIXES else image


def divide(listed: Iterable[Listed], name: str) -> tuple[Record, ...]:
    """Records of a set without a table: its published parts, else 75 / 10 / 15 % of its patients, chosen by their names.

    The part of a patient depends on nothing but set and patient, so it stays when the set grows. A set that publishes
    neither parts nor patients is divided by image, and a warning says so.

    Args:
        listed: Images of the set.
        name: The set.
    """
    images = list(listed)
    if any(image.split is None and image.patient is None for image in images):
        warnings.warn(
            f"{name} names no patients: it is divided by image, and one person's images may stand on both sides",
            UserWarning,
            stacklevel=2,
        )
    return tuple(
        Record(image.key, image.split or part_of(image.patient or image.key, name), image.patient, image.patient or image.key)
        for image in images
    )


def part_of(unit: str, name: str) -> Split:
    """Part that a patient or image of a set falls into."""
    share = int.from_bytes(hashlib.sha256(f"{name}/{unit}".encode()).digest()[:8], "big") / 2**64
    return cast(Split, next((part for part, end in SHARES if share < end), "train"))
