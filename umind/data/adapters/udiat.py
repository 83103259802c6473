"""UDIAT, "dataset B" of Yap et al.: breast lesions with class and type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import ClassVar

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from umind.data.adapters.base import Adapter
from umind.data.adapters.files import SUFFIXES, find_by_stem, read_mask, read_pixels
from umind.data.adapters.splits import Listed, Record
from umind.schema.errors import ImageReadError
from umind.schema.image import UltrasoundImage
from umind.schema.sample import Sample, Split, Structure

BOOK = "DatasetB.xlsx"
COLUMNS = ("image", "type")
CLASSES = ("benign", "malignant")


class UDIAT(Adapter):
    """One outlined lesion for each image.

    Layout: ``original/000001.png``, ``GT/000001.png``, ``DatasetB.xlsx`` (Image, a number without leading zeros, and Type,
    Benign or Malignant).
    Licence: on request from the authors, for research; weights trained on it may not ship.
    Faults: no patient identifiers.
    """

    name: ClassVar[str] = "UDIAT"
    organ: ClassVar[str] = "breast"
    licence: ClassVar[str] = "research only, on request"
    may_ship: ClassVar[bool] = False
    citation: ClassVar[str] = (
        "Yap et al., Automated breast ultrasound lesions detection using convolutional neural networks, IEEE JBHI 22, 2018"
    )

    def __init__(self, root: Path, *, splits: tuple[Split, ...] = ("train", "val", "test")) -> None:
        super().__init__(root, splits=splits)
        self._types = read_types(self.root / BOOK)

    def listed(self) -> Iterable[Listed]:
        """Every image in ``original``; the set names no patients and no parts."""
        files = sorted((self.root / "original").glob("*"))
        return [Listed(f"original/{file.stem}") for file in files if file.suffix.lower() in SUFFIXES]

    def read(self, record: Record) -> Sample:
        """The image with its lesion and class."""
        pixels = read_pixels(find_by_stem(self.root / record.folder, record.stem))
        path = find_by_stem(self.root / "GT", record.stem)
        mask = read_mask(path, pixels.shape[:2])
        if not mask.any():
            raise ImageReadError(f"{path}: empty mask")
        kind = self._types.get(record.stem.lstrip("0"))
        if kind not in CLASSES:
            raise ImageReadError(f"{self.root / BOOK}: type of {record.stem} is {kind}; {' or '.join(CLASSES)} is wanted")
        lesion = Structure("breast lesion", masks=mask[None], attributes={"class": kind})
        return self.sample(record, UltrasoundImage(pixels, name=record.key), structures=(lesion,))


def read_types(path: Path) -> Mapping[str, str]:
    """Type of every image in lower case, by its number without leading zeros.

    Raises:
        ImageReadError: The file is no workbook, or a column is missing.
    """
    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except (OSError, KeyError, ValueError, InvalidFileException) as error:
        raise ImageReadError(f"{path}: {error}") from error
    rows = book.worksheets[0].iter_rows(values_only=True)
    heading = [str(cell).strip().lower() for cell in next(rows, ())]
    if set(COLUMNS) - set(heading):
        raise ImageReadError(f"{path}: columns {' and '.join(COLUMNS)} are wanted, found {', '.join(heading)}")
    image, kind = (heading.index(column) for column in COLUMNS)
    types = {str(row[image]).lstrip("0"): str(row[kind]).strip().lower() for row in rows}
    book.close()
    return types
