"""What every data set on disk has: a table of splits, and a way from one row of it to a `Sample`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, cast, get_args

from umind.data.adapters.absence import ABSENT
from umind.data.adapters.files import read_csv
from umind.schema.image import UltrasoundImage
from umind.schema.sample import Sample, Split, Structure

COLUMNS = ("image", "patient", "group", "split")


@dataclass(frozen=True)
class Record:
    """A row of ``splits.csv``.

    Args:
        key: Path of the image below the set's folder, with forward slashes and without suffix.
        split: Which part it belongs to.
        patient: Patient identifier; None when the set publishes none.
        group: Joins one patient's images and near-duplicates; the key itself where the table names none.
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


class Adapter(ABC):
    """A data set in its official folder layout, with ``splits.csv`` beside it.

    Images and masks are matched by stem, whatever their suffix, so the published files and lossless or shrunk copies
    read alike. Files are opened when a sample is asked for; only tables are read at the start.

    Args:
        root: Folder of the set.
        splits: Parts to keep; the order of the table stays.

    Attributes:
        records: Rows that can be read, in the order of the table.
        skipped: Key and reason of every row left out because its annotation is broken. Such an image is no negative.

    Raises:
        ValueError: ``splits.csv`` is missing or is not the table that is wanted, or a split is unknown.
    """

    name: ClassVar[str]
    organ: ClassVar[str]
    licence: ClassVar[str]
    may_ship: ClassVar[bool]
    citation: ClassVar[str]

    records: tuple[Record, ...]
    skipped: tuple[tuple[str, str], ...]

    def __init__(self, root: Path, *, splits: tuple[Split, ...] = ("train", "val", "test")) -> None:
        unknown = set(splits) - set(get_args(Split))
        if unknown:
            raise ValueError(f"unknown splits {sorted(unknown)}; there are {', '.join(get_args(Split))}")
        self.root = Path(root)
        self.records = tuple(record for record in read_splits(self.root) if record.split in splits)
        self.skipped = ()

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> Sample:
        return self.read(self.records[index])

    def __iter__(self) -> Iterator[Sample]:
        return (self.read(record) for record in self.records)

    @abstractmethod
    def read(self, record: Record) -> Sample:
        """Read the image of a record and its truth.

        Raises:
            ImageReadError: A file is missing or unreadable; the message names it.
        """

    def sample(
        self,
        record: Record,
        image: UltrasoundImage,
        *,
        structures: tuple[Structure, ...] = (),
        absent: tuple[str, ...] = (),
        attributes: Mapping[str, str] | None = None,
        measurements: Mapping[str, float] | None = None,
    ) -> Sample:
        """Join image and truth with what the record and the set say; ``absent`` adds to the set's own negatives."""
        return Sample(
            image,
            key=record.key,
            dataset=self.name,
            split=record.split,
            organ=self.organ,
            structures=structures,
            absent=(*absent, *ABSENT[self.name]),
            attributes=attributes or {},
            measurements=measurements or {},
            patient=record.patient,
            group=record.group,
        )


def read_splits(root: Path) -> tuple[Record, ...]:
    """Rows of ``splits.csv`` in a set's folder.

    Raises:
        ValueError: The table is missing, lacks a column, names a key twice, or holds an unknown split.
    """
    path = root / "splits.csv"
    wanted = f"a table with the columns {','.join(COLUMNS)} (image: path without suffix; split: train, val or test)"
    if not path.is_file():
        raise ValueError(f"{path} is missing; wanted is {wanted}")
    rows = read_csv(path)
    records = []
    for number, row in enumerate(rows, start=2):
        if any(row.get(column) is None for column in COLUMNS):
            raise ValueError(f"{path}, line {number}: wanted is {wanted}")
        if not row["image"] or row["split"] not in get_args(Split):
            raise ValueError(f"{path}, line {number}: image {row['image']!r}, split {row['split']!r}; wanted is {wanted}")
        records.append(Record(row["image"], cast(Split, row["split"]), row["patient"] or None, row["group"] or row["image"]))
    keys = [record.key for record in records]
    if len(set(keys)) < len(keys):
        raise ValueError(f"{path} names an image twice: {next(key for key in keys if keys.count(key) > 1)}")
    return tuple(records)
