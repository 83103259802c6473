"""EchoVLM: Chinese descriptions of public breast images, without the images."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

from umind.data.adapters.conversations import exchanges_of, turns_of
from umind.data.adapters.files import find_by_stem, read_pixels
from umind.data.adapters.own_folder import OwnFolder
from umind.data.adapters.splits import TABLE, Listed, Record, read_splits
from umind.schema.errors import ImageReadError
from umind.schema.image import UltrasoundImage
from umind.schema.sample import Exchange, Sample, Split

FOLDERS: Mapping[str, tuple[str, tuple[str, ...]]] = MappingProxyType(
    {"BUS-BRA": ("BUSBRA", ("Images",)), "BUSI": ("Dataset_BUSI_with_GT", ("benign", "malignant", "normal"))}
)
"""Set and folders of its images, by the stem of the file that describes them."""


@dataclass(frozen=True, eq=False)
class Description:
    """What a file says of an image.

    Args:
        path: Picture in the folder of its set.
        record: The image in its own set.
        report: The description.
        exchanges: The same as answer to a question.
    """

    path: Path
    record: Record
    report: str
    exchanges: tuple[Exchange, ...]


class EchoVLM(OwnFolder):
    """A description in Chinese of each image, as the answer to a question and as its report.

    Layout: ``BUS-BRA.json`` and ``BUSI.json``, lists of ``{"id", "image": ["public_data/BUSI/benign (1).png"], "description",
    "conversations": [{"from", "value"}]}``. The images are those of the sets ``BUSBRA`` and ``Dataset_BUSI_with_GT`` in the
    folder beside this one, found by file name. Patient, group and split are those of the images' own set, so that no test image
    is trained on by its text; a key is ``BUSI/benign (1)``.
    Licence: Apache-2.0 (texts); the images have their own.
    Faults: a text whose image is not there is listed in ``skipped``. The texts read as written by a machine: left and right are
    close to chance, benign and malignant contradict the histology in places. They teach language; no score comes from them.
    """

    name: ClassVar[str] = "EchoVLM"
    organ: ClassVar[str] = "breast"
    licence: ClassVar[str] = "Apache-2.0"
    may_ship: ClassVar[bool] = True
    citation: ClassVar[str] = "She et al., EchoVLM, 2025"

    def __init__(self, root: Path, *, splits: tuple[Split, ...] = ("train", "val", "test")) -> None:
        self._said, faults = read_descriptions(Path(root))
        super().__init__(root, splits=splits)
        if not (self.root / TABLE).is_file():
            groups = {key: said.record.group for key, said in self._said.items()}
            self.records = tuple(replace(record, group=groups[record.key]) for record in self.records)
        self.skipped = faults

    @classmethod
    def fits(cls, root: Path) -> bool:
        """Whether one of the two files is there."""
        return any((root / f"{name}.json").is_file() for name in FOLDERS)

    def listed(self) -> Iterable[Listed]:
        """Texts whose image is there, in their set's part."""
        return (Listed(key, said.record.patient, said.record.split) for key, said in self._said.items())

    def source(self, record: Record) -> Path:
        """The picture, in the folder of its own set."""
        return self._said[record.key].path

    def read(self, record: Record) -> Sample:
        """The image with its description."""
        said = self._said[record.key]
        image = UltrasoundImage(read_pixels(said.path), name=record.key)
        return self.sample(record, image, exchanges=said.exchanges, report=said.report)


def read_descriptions(root: Path) -> tuple[dict[str, Description], tuple[tuple[str, str], ...]]:
    """Texts by key, and key and reason of those that cannot be used.

    Raises:
        ImageReadError: A file is no list of records.
        ValueError: The images' set has no table of splits.
    """
    said: dict[str, Description] = {}
    faults = []
    for name, (set_name, folders) in FOLDERS.items():
        path = root / f"{name}.json"
        if not path.is_file():
            continue
        home = root.resolve().parent / set_name
        records = {record.key: record for record in read_splits(home)} if home.is_dir() else {}
        try:
            entries = json.loads(path.read_text("utf-8"))
            stems = [Path(entry["id"]).stem for entry in entries]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ImageReadError(f"{path}: {error}") from error
        for stem, entry in zip(stems, entries, strict=True):
            key = f"{name}/{stem}"
            found = next((records[place] for folder in folders if (place := f"{folder}/{stem}") in records), None)
            try:
                said[key] = description_of(entry, found, home)
            except (ImageReadError, KeyError, TypeError, ValueError) as error:
                faults.append((key, str(error)))
    return said, tuple(faults)


def description_of(entry: Mapping[str, Any], record: Record | None, home: Path) -> Description:
    """One entry of a file.

    Raises:
        ValueError: Its image is not in the set's table, or its turns do not alternate.
        ImageReadError: The picture is missing.
    """
    if record is None:
        raise ValueError(f"its image is not in {home.name}")
    path = find_by_stem(home / record.folder, record.stem)
    turns, _ = turns_of(entry["conversations"])
    return Description(path, record, str(entry.get("description") or ""), exchanges_of(turns, "zh"))
