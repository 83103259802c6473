"""BUSI: benign, malignant and normal breasts."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from umind.data.adapters.base import Adapter
from umind.data.adapters.files import find_by_stem, read_mask, read_pixels
from umind.data.adapters.instances import merge_overlapping
from umind.data.adapters.splits import Record
from umind.schema.errors import ImageReadError
from umind.schema.image import UltrasoundImage
from umind.schema.sample import Sample, Structure

CLASSES = ("benign", "malignant", "normal")


class BUSI(Adapter):
    """Lesions of one or several mask files; normal breasts have an empty mask.

    Layout: ``benign/benign (4).png``, ``benign/benign (4)_mask.png``, further lesions in ``_mask_1.png``, ``_mask_2.png``;
    folders ``benign``, ``malignant``, ``normal`` are the class.
    Licence: CC BY 4.0 (paper), CC0 (mirror).
    Faults: masks are 0/1 or 0/255; a lesion outlined twice (``benign (58)``) becomes one instance; two files that share a
    few pixels (``benign (181)``) stay two. Near-duplicates share a group in ``splits.csv``.
    """

    name: ClassVar[str] = "Dataset_BUSI_with_GT"
    organ: ClassVar[str] = "breast"
    licence: ClassVar[str] = "CC BY 4.0"
    may_ship: ClassVar[bool] = True
    citation: ClassVar[str] = "Al-Dhabyani et al., Dataset of breast ultrasound images, Data in Brief 28, 2020"

    def read(self, record: Record) -> Sample:
        """The image with its lesions and their class; a normal breast has "breast lesion" among the absent."""
        label = record.folder.rpartition("/")[2]
        if label not in CLASSES:
            raise ImageReadError(f"{self.root / record.key}: the folder should be one of {', '.join(CLASSES)}")
        folder = self.root / record.folder
        pixels = read_pixels(find_by_stem(folder, record.stem))
        image = UltrasoundImage(pixels, name=record.key)
        stems = [f"{record.stem}_mask", *sorted({path.stem for path in folder.glob(f"{record.stem}_mask_*")})]
        masks = [read_mask(find_by_stem(folder, stem), pixels.shape[:2]) for stem in stems]
        lesions = merge_overlapping(masks)
        if label == "normal":
            if lesions:
                raise ImageReadError(f"{folder / stems[0]}: foreground in the mask of a normal breast")
            return self.sample(record, image, absent=("breast lesion",))
        if not lesions:
            raise ImageReadError(f"{folder / stems[0]}: empty mask of a {label} lesion")
        lesion = Structure("breast lesion", masks=np.stack(lesions), attributes={"class": label})
        return self.sample(record, image, structures=(lesion,))
