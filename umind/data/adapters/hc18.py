"""HC18: fetal heads with head circumference."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
from jaxtyping import Bool

from umind.data.adapters.base import Adapter
from umind.data.adapters.files import find_by_stem, read_csv, read_mask, read_pixels
from umind.data.adapters.splits import Record
from umind.geometry.ellipse import ellipse_of_mask
from umind.geometry.spacing import Spacing
from umind.schema.errors import ImageReadError
from umind.schema.image import UltrasoundImage
from umind.schema.sample import Sample, Split, Structure

TABLE = "training_set_pixel_size_and_HC.csv"
FILLED = 0.5


class HC18(Adapter):
    """One head for each image, its scale and its circumference.

    Layout: ``training_set/000_HC.png``, ``training_set/000_HC_Annotation.png``, and ``training_set_pixel_size_and_HC.csv``
    (filename, pixel size(mm), head circumference (mm)). The pixel size is that of the files beside it.
    Licence: CC BY 4.0 (Zenodo 1327317).
    Faults: annotations are published as the outline of the ellipse, also cut by the border of the image; such a line is
    filled, the line itself belongs to the head. Its outer half, 1.24 of the published pixels, makes the mask's circumference
    1.1 mm longer than the table's, which follows the middle of the line: `Sample.stretch` is the ratio of the two, where the
    border does not cut the head.
    Frames of one head share the leading number, which is the patient in ``splits.csv``.
    """

    name: ClassVar[str] = "HC18"
    organ: ClassVar[str] = "fetal head"
    licence: ClassVar[str] = "CC BY 4.0"
    may_ship: ClassVar[bool] = True
    citation: ClassVar[str] = "van den Heuvel et al., Automated measurement of fetal head circumference, PLoS ONE 13, 2018"

    def __init__(self, root: Path, *, splits: tuple[Split, ...] = ("train", "val", "test")) -> None:
        super().__init__(root, splits=splits)
        rows = read_csv(self.root / TABLE)
        self._table = {row.get("filename", "").rpartition(".")[0]: row for row in rows}

    def read(self, record: Record) -> Sample:
        """The image with its spacing, the filled head, and "head circumference" in millimetres."""
        folder = self.root / record.folder
        pixels = read_pixels(find_by_stem(folder, record.stem))
        mask = fill_outline(read_mask(find_by_stem(folder, f"{record.stem}_Annotation"), pixels.shape[:2]))
        try:
            row = self._table[record.stem]
            spacing, circumference = Spacing.of(float(row["pixel size(mm)"])), float(row["head circumference (mm)"])
        except (KeyError, ValueError) as error:
            raise ImageReadError(f"{self.root / TABLE}: no usable row for {record.stem} ({error})") from error
        image = UltrasoundImage(pixels, spacing=spacing, calibration="sidecar", name=record.key)
        head = Structure("fetal head", masks=mask[None])
        sample = self.sample(record, image, structures=(head,), measurements={"head circumference": circumference})
        drawn = ellipse_of_mask(mask).circumference * spacing.dx if whole(mask) else circumference
        return replace(sample, stretch=circumference / drawn)


def whole(mask: Bool[np.ndarray, "h w"]) -> bool:
    """True when there is a mask and the border of the image does not cut it."""
    return bool(mask.any() and not mask[[0, -1]].any() and not mask[:, [0, -1]].any())


def fill_outline(mask: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """The region inside a drawn ellipse; a mask that is filled already comes back as it is.

    The convex hull closes outlines that the border of the image cuts open.
    """
    points = np.argwhere(mask)[:, ::-1].astype(np.int32)
    if not len(points):
        return mask
    hull = np.zeros(mask.shape, np.uint8)
    cv2.fillConvexPoly(hull, cv2.convexHull(points), 1)
    return mask if len(points) > FILLED * np.count_nonzero(hull) else hull > 0
