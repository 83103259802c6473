"""POCUS: lung ultrasound frames by finding."""

from __future__ import annotations

from typing import ClassVar

from umind.data.adapters.base import Adapter
from umind.data.adapters.files import find_by_stem, read_pixels
from umind.data.adapters.splits import Record
from umind.schema.errors import ImageReadError
from umind.schema.image import UltrasoundImage
from umind.schema.sample import Sample

CLASSES = ("covid", "regular", "pneumonia")


class POCUS(Adapter):
    """Frames with one word for the whole image, no outlines.

    Layout: ``image_dataset/<class>/<video>_frame<n>.jpg``; the folder is the class, ``licences.csv`` says whose frame it is.
    Licence: the set mixes licences; wanted here are its CC BY frames only.
    Faults: few videos, many machines: ``patient`` and ``group`` are the video, and classes partly show the device.
    """

    name: ClassVar[str] = "POCUS"
    organ: ClassVar[str] = "lung"
    licence: ClassVar[str] = "CC BY 4.0 (selected frames)"
    may_ship: ClassVar[bool] = True
    citation: ClassVar[str] = (
        "Born et al., Accelerating detection of lung pathologies with explainable ultrasound, Appl Sci 11, 2021"
    )

    def read(self, record: Record) -> Sample:
        """The frame, with ``class`` among its attributes."""
        label = record.folder.rpartition("/")[2]
        if label not in CLASSES:
            raise ImageReadError(f"{self.root / record.key}: the folder should be one of {', '.join(CLASSES)}")
        pixels = read_pixels(find_by_stem(self.root / record.folder, record.stem))
        return self.sample(record, UltrasoundImage(pixels, name=record.key), attributes={"class": label})
