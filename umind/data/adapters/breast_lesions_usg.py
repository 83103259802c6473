"""BrEaST: breast lesions with BI-RADS descriptors and pixel size."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from umind.data.adapters.base import Adapter
from umind.data.adapters.files import find_by_stem, read_mask, read_pixels
from umind.data.adapters.splits import Record
from umind.geometry.spacing import Spacing
from umind.schema.errors import ImageReadError
from umind.schema.image import UltrasoundImage
from umind.schema.sample import Sample, Split, Structure

ATTRIBUTES: Mapping[str, str] = {
    "Classification": "class",
    "Shape": "shape",
    "Margin": "margin",
    "Echogenicity": "echogenicity",
    "Posterior_features": "posterior features",
    "Calcifications": "calcifications",
    "Halo": "halo",
    "Skin_thickening": "skin thickening",
    "BIRADS": "birads",
}
UNSAID = ("", "not applicable", "not available", "indefinable")
MM_PER_CM = 10.0


class BrEaST(Adapter):
    """One outlined tumour for each image, described in BI-RADS words, with the scale of the image.

    Layout: ``BrEaST-Lesions_USG-images_and_masks/case001.png`` and ``case001_tumor.png``; a workbook
    ``BrEaST-Lesions-USG-clinical-data-*.xlsx`` beside the folder, a row for each image, pixel size in centimetres.
    Licence: CC BY 4.0 (TCIA, doi 10.7937/9WKK-Q141).
    Faults: cases of class *normal* have no mask and are true negatives; ``_other`` masks outline further findings without
    saying which, so they are not read; "not applicable" and "indefinable" become no attribute.
    """

    name: ClassVar[str] = "BrEaST"
    organ: ClassVar[str] = "breast"
    licence: ClassVar[str] = "CC BY 4.0"
    may_ship: ClassVar[bool] = True
    citation: ClassVar[str] = (
        "Pawłowska et al., Curated benchmark dataset for ultrasound based breast lesion analysis, Sci Data 11, 2024"
    )

    def __init__(self, root: Path, *, splits: tuple[Split, ...] = ("train", "val", "test")) -> None:
        super().__init__(root, splits=splits)
        books = sorted(self.root.glob("*.xlsx"))
        if len(books) != 1:
            raise ImageReadError(f"{self.root}: one workbook *.xlsx with the clinical data is wanted, found {len(books)}")
        self._book = books[0]
        self._table = read_workbook(self._book)

    def read(self, record: Record) -> Sample:
        """The image with its spacing and its tumour; a normal breast has "breast lesion" among the absent."""
        folder = self.root / record.folder
        pixels = read_pixels(find_by_stem(folder, record.stem))
        row = self._table.get(record.stem)
        if row is None:
            raise ImageReadError(f"{self._book}: no row for {record.stem}")
        try:
            spacing = Spacing.of(float(row["Pixel_size"]) * MM_PER_CM)
        except ValueError as error:
            raise ImageReadError(f"{self._book}: pixel size of {record.stem}: {error}") from error
        image = UltrasoundImage(pixels, spacing=spacing, calibration="sidecar", name=record.key)
        if row["Classification"].lower() == "normal":
            return self.sample(record, image, absent=("breast lesion",))
        mask = read_mask(find_by_stem(folder, f"{record.stem}_tumor"), pixels.shape[:2])
        words = {name: row[column].strip().lower().replace("&", ", ") for column, name in ATTRIBUTES.items()}
        attributes = {name: value for name, value in words.items() if value not in UNSAID}
        return self.sample(record, image, structures=(Structure("breast lesion", masks=mask[None], attributes=attributes),))


def read_workbook(path: Path) -> Mapping[str, Mapping[str, str]]:
    """Rows of the first sheet as text, by the stem of ``Image_filename``.

    Raises:
        ImageReadError: The file is no workbook, or a column is missing.
    """
    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except (OSError, KeyError, ValueError, InvalidFileException) as error:
        raise ImageReadError(f"{path}: {error}") from error
    rows = book.worksheets[0].iter_rows(values_only=True)
    heading = [str(cell) for cell in next(rows, ())]
    missing = {"Image_filename", "Pixel_size", *ATTRIBUTES} - set(heading)
    if missing:
        raise ImageReadError(f"{path}: columns missing: {', '.join(sorted(missing))}")
    table = {}
    for cells in rows:
        row = dict(zip(heading, ("" if cell is None else str(cell) for cell in cells), strict=True))
        table[row["Image_filename"].rpartition(".")[0]] = row
    book.close()
    return table
