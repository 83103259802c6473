"""CCAUS: common carotid arteries from sweeps."""

from __future__ import annotations

from typing import ClassVar

from umind.data.adapters.base import Adapter
from umind.data.adapters.files import find_by_stem, read_mask, read_pixels
from umind.data.adapters.splits import Record
from umind.schema.errors import ImageReadError
from umind.schema.image import UltrasoundImage
from umind.schema.sample import Sample, Structure


class CCAUS(Adapter):
    """The lumen of the common carotid artery, one instance.

    Layout: ``US images/<series>_slice_<n>.png`` and ``Expert mask images/`` with the same names.
    Licence: CC BY 4.0 (Mendeley Data d4xt63mgjm).
    Faults: neighbouring frames of a sweep are alike; ``patient`` and ``group`` are the series, and one person may have
    several. The thyroid is often in view and is no negative.
    """

    name: ClassVar[str] = "CCAUS"
    organ: ClassVar[str] = "neck"
    licence: ClassVar[str] = "CC BY 4.0"
    may_ship: ClassVar[bool] = True
    citation: ClassVar[str] = "Momot, Common carotid artery ultrasound images, Mendeley Data, 2022"

    def read(self, record: Record) -> Sample:
        """The frame with its carotid artery."""
        pixels = read_pixels(find_by_stem(self.root / record.folder, record.stem))
        path = find_by_stem(self.root / "Expert mask images", record.stem)
        mask = read_mask(path, pixels.shape[:2])
        if not mask.any():
            raise ImageReadError(f"{path}: empty mask")
        image = UltrasoundImage(pixels, name=record.key)
        return self.sample(record, image, structures=(Structure("carotid artery", masks=mask[None]),))
