"""What every data set on disk has: a list of its images with their splits, and a way from one of them to a `Sample`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import ClassVar, get_args

from umind.data.adapters.absence import ABSENT
from umind.data.adapters.splits import TABLE, Listed, Record, divide, read_splits
from umind.schema.image import UltrasoundImage
from umind.schema.sample import Exchange, Sample, Split, Structure


class Adapter(ABC):
    """A data set in its official folder layout.

    ``splits.csv`` in the set's folder decides who goes where; without it `listed` does, with `splits.divide`.
    Images and masks are matched by stem, whatever their suffix, so the published files and lossless or shrunk copies
    read alike. Files are opened when a sample is asked for; only tables are read at the start.

    Args:
        root: Folder of the set.
        splits: Parts to keep; the order of the images stays.

    Attributes:
        records: Images that can be read, in the order of the table.
        skipped: Key and reason of every image left out because its annotation is broken. Such an image is no negative.

    Raises:
        ValueError: ``splits.csv`` is not the table that is wanted, or is missing where the set needs it, or a split is unknown.
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
        has_table = (self.root / TABLE).is_file()
        records = read_splits(self.root) if has_table else divide(self.listed(), self.name)
        self.records = tuple(record for record in records if record.split in splits)
        self.skipped = ()

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> Sample:
        return self.read(self.records[index])

    def __iter__(self) -> Iterator[Sample]:
        return (self.read(record) for record in self.records)

    def listed(self) -> Iterable[Listed]:
        """Images as the set's own files list them, for sets that come without ``splits.csv``.

        Raises:
            ValueError: This set needs the table.
        """
        raise ValueError(f"{self.root / TABLE} is missing, and {self.name} needs it to know who goes where")

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
        exchanges: tuple[Exchange, ...] = (),
        report: str = "",
    ) -> Sample:
        """Join image and truth with what the record and the set say; ``absent`` adds to the set's own negatives."""
        return Sample(
            image,
            key=record.key,
            dataset=self.name,
            split=record.split,
            organ=self.organ,
            structures=structures,
            absent=(*absent, *ABSENT.get(self.name, ())),
            attributes=attributes or {},
            measurements=measurements or {},
            exchanges=exchanges,
            report=report,
            patient=record.patient,
            group=record.group,
        )
