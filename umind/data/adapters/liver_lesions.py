"""Liver lesions, benign and malignant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from umind.data.adapters.base import Adapter
from umind.data.adapters.files import find_by_stem, read_labels, read_pixels
from umind.data.adapters.instances import components
from umind.data.adapters.splits import Record
from umind.schema.errors import ImageReadError
from umind.schema.image import UltrasoundImage
from umind.schema.sample import Sample, Structure

LABELS: Mapping[int, str] = {1: "benign", 2: "malignant"}


class LiverLesions(Adapter):
    """Lesions of one class for each image, one instance for each connected piece.

    Layout: ``images/10009.png``, ``masks/10009.png`` with 1 benign, 2 malignant.
    Licence: CC BY 4.0 (Zenodo 7272660).
    Faults: few images. An image with both labels is refused, since a structure carries one class.
    """

    name: ClassVar[str] = "Liver_lesions"
    organ: ClassVar[str] = "liver"
    licence: ClassVar[str] = "CC BY 4.0"
    may_ship: ClassVar[bool] = True
    citation: ClassVar[str] = "Xu et al., Annotated ultrasound liver images, Zenodo 7272660, 2022"

    def read(self, record: Record) -> Sample:
        """The image with its lesions and their class."""
        pixels = read_pixels(find_by_stem(self.root / record.folder, record.stem))
        path = find_by_stem(self.root / "masks", record.stem)
        labels = read_labels(path, pixels.shape[:2])
        found = sorted(set(np.unique(labels).tolist()) - {0})
        if len(found) != 1 or found[0] not in LABELS:
            raise ImageReadError(f"{path}: one of the labels 1 and 2 is wanted, found {found}")
        lesion = Structure("liver lesion", masks=np.stack(components(labels > 0)), attributes={"class": LABELS[found[0]]})
        return self.sample(record, UltrasoundImage(pixels, name=record.key), structures=(lesion,))
