"""BUS-BRA: breast lesions with pathology, BI-RADS and histology."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from umind.data.adapters.base import Adapter
from umind.data.adapters.files import find_by_stem, read_csv, read_mask, read_pixels
from umind.data.adapters.splits import Record
from umind.schema.errors import ImageReadError
from umind.schema.image import UltrasoundImage
from umind.schema.sample import Sample, Split, Structure


class BUSBRA(Adapter):
    """One outlined lesion for each image.

    Layout: ``Images/bus_0001-l.png``, ``Masks/mask_0001-l.png``, ``bus_data.csv`` (ID, Histology, Pathology, BIRADS, Device).
    Licence: permissive with citation (``LICENSE.txt``); CC BY 4.0 at Zenodo 8231412.
    Faults: the ``-l`` and ``-r`` of a name are panels of a split screen, not the patient's side, so no side is given.
    """

    name: ClassVar[str] = "BUSBRA"
    organ: ClassVar[str] = "breast"
    licence: ClassVar[str] = "CC BY 4.0"
    may_ship: ClassVar[bool] = True
    citation: ClassVar[str] = "Gómez-Flores et al., BUS-BRA, Medical Physics 51, 2024"

    def __init__(self, root: Path, *, splits: tuple[Split, ...] = ("train", "val", "test")) -> None:
        super().__init__(root, splits=splits)
        self._table = {row["ID"]: row for row in read_csv(self.root / "bus_data.csv")}

    def read(self, record: Record) -> Sample:
        """The image with its lesion: class, BI-RADS category and histology."""
        pixels = read_pixels(find_by_stem(self.root / record.folder, record.stem))
        mask_stem = record.stem.replace("bus_", "mask_", 1)
        mask = read_mask(find_by_stem(self.root / "Masks", mask_stem), pixels.shape[:2])
        if record.stem not in self._table:
            raise ImageReadError(f"{self.root / 'bus_data.csv'}: no row for {record.stem}")
        row = self._table[record.stem]
        attributes = {"class": row["Pathology"].lower(), "birads": row["BIRADS"], "histology": row["Histology"].lower()}
        image = UltrasoundImage(pixels, name=record.key, tags={"device": row["Device"]})
        return self.sample(record, image, structures=(Structure("breast lesion", masks=mask[None], attributes=attributes),))
