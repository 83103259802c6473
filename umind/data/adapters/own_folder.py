"""A folder of somebody's own, in one of the formats that hospitals and annotation tools write."""

from __future__ import annotations

import re
from abc import abstractmethod
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from umind.data.adapters.base import Adapter
from umind.data.adapters.files import find_by_stem
from umind.data.adapters.splits import Record
from umind.schema.image import UltrasoundImage
from umind.schema.sample import Sample


class OwnFolder(Adapter):
    """A set that is known by its content and not by its name: `Sample.dataset` is the name of its folder.

    Its format says neither organ nor licence, so its images count as such that weights may not be given away with.
    ``splits.csv`` in the folder, with the keys of this adapter, brings patients, groups and splits.
    """

    organ: ClassVar[str] = ""
    licence: ClassVar[str] = "unknown"
    may_ship: ClassVar[bool] = False
    citation: ClassVar[str] = "none given"

    @classmethod
    @abstractmethod
    def fits(cls, root: Path) -> bool:
        """Whether the content of a folder is of this format; files that cannot be read are of none."""

    def source(self, record: Record) -> Path:
        """The file that holds the image of a record.

        Raises:
            ImageReadError: There is none.
        """
        return find_by_stem(self.root / record.folder, record.stem)

    def sample(self, record: Record, image: UltrasoundImage, **truth: Any) -> Sample:
        """As `Adapter.sample`, under the name of the folder."""
        return replace(super().sample(record, image, **truth), dataset=self.root.name)


def noun(name: str) -> str:
    """Name of a category as a phrase: ``"Breast_Lesion"`` becomes ``"breast lesion"``."""
    return re.sub(r"[_\s]+", " ", name).strip().lower()
