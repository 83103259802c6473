"""MMOTU (2D): ovarian masses of seven classes, and healthy ovaries."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from umind.data.adapters.base import Adapter
from umind.data.adapters.files import find_by_stem, read_mask, read_pixels
from umind.data.adapters.instances import components
from umind.data.adapters.splits import Record
from umind.schema.errors import ImageReadError
from umind.schema.image import UltrasoundImage
from umind.schema.sample import Sample, Structure

HEALTHY = "Ovary_Normal"


class MMOTU(Adapter):
    """Masses by class, and ovaries without one.

    Layout: ``Chocolate_Cyst/images/10.JPG``, ``Chocolate_Cyst/annotations/10.PNG``; the folder is the class. The folder
    of classes is the set's root (``OTU_2D/8_layers`` in the published archive).
    Licence: CC BY 4.0.
    Faults: labels are 64 or 128 in a palette that does not tell all classes apart, so every value above zero is
    foreground and the class is the folder; ``Ovary_Normal`` outlines the healthy ovary, never a mass.
    """

    name: ClassVar[str] = "MMOTU_2D"
    organ: ClassVar[str] = "ovary"
    licence: ClassVar[str] = "CC BY 4.0"
    may_ship: ClassVar[bool] = True
    citation: ClassVar[str] = (
        "Zhao et al., MMOTU: A multi-modality ovarian tumor ultrasound image dataset, arXiv:2207.06799, 2022"
    )

    def read(self, record: Record) -> Sample:
        """The image with its mass and class, or its healthy ovary and "ovarian mass" among the absent."""
        folder = self.root / record.folder
        pixels = read_pixels(find_by_stem(folder, record.stem))
        path = find_by_stem(folder.parent / "annotations", record.stem)
        parts = components(read_mask(path, pixels.shape[:2]))
        if not parts:
            raise ImageReadError(f"{path}: empty mask")
        image = UltrasoundImage(pixels, name=record.key)
        masks = np.stack(parts)
        if folder.parent.name == HEALTHY:
            return self.sample(record, image, structures=(Structure("ovary", masks=masks),), absent=("ovarian mass",))
        kind = folder.parent.name.lower().replace("_", " ")
        return self.sample(record, image, structures=(Structure("ovarian mass", masks=masks, attributes={"class": kind}),))
