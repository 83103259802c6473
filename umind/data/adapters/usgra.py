"""USGRA: nerves and vessels, as seen for regional anaesthesia."""

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

LABELS: Mapping[int, str] = {1: "nerve", 2: "vessel"}


class USGRA(Adapter):
    """Nerves and vessels of five regions, one instance for each connected piece.

    Layout: ``images/0000.png``, ``masks/0000.png`` with 1 nerve, 2 vessel.
    Licence: CC BY 4.0 (``LICENSE``).
    Faults: no patient identifiers. Not every vessel in view is labelled, so an image without label 2 is no negative.
    """

    name: ClassVar[str] = "USGRA"
    organ: ClassVar[str] = "limb"
    licence: ClassVar[str] = "CC BY 4.0"
    may_ship: ClassVar[bool] = True
    citation: ClassVar[str] = "USGRA, ultrasound-guided regional anaesthesia: nerves and vessels"

    def read(self, record: Record) -> Sample:
        """The image with what is labelled in it."""
        pixels = read_pixels(find_by_stem(self.root / record.folder, record.stem))
        path = find_by_stem(self.root / "masks", record.stem)
        labels = read_labels(path, pixels.shape[:2])
        unknown = set(np.unique(labels).tolist()) - {0, *LABELS}
        if unknown or not labels.any():
            raise ImageReadError(f"{path}: labels 1 and 2 are wanted, found {sorted(unknown) or 'none'}")
        structures = tuple(
            Structure(name, masks=np.stack(components(labels == label)))
            for label, name in LABELS.items()
            if (labels == label).any()
        )
        return self.sample(record, UltrasoundImage(pixels, name=record.key), structures=structures)
