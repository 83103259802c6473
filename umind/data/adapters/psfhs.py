"""PSFHS: pubic symphysis and fetal head during labour."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from jaxtyping import UInt8

from umind.data.adapters.base import Adapter
from umind.data.adapters.splits import Listed, Record
from umind.io.arrays import pixels_of_array
from umind.io.mhd import read_metaimage
from umind.schema.errors import ImageReadError
from umind.schema.image import UltrasoundImage
from umind.schema.sample import Sample, Structure

LABELS: Mapping[int, str] = {1: "pubic symphysis", 2: "fetal head"}
CHANNELS = 3


class PSFHS(Adapter):
    """Symphysis and head, one instance of each.

    Layout: ``image_mha/03744.mha`` of 256 x 256 x 3, the channels as slices, and ``label_mha/03744.mha`` with 1 pubic
    symphysis, 2 fetal head. The challenge set FH-PS-AOP has the same layout and reads alike.
    Licence: CC BY 4.0 (Zenodo 10969427).
    Faults: no patient identifiers. No spacing is published, and whether pixels are square is not told, so no angle of
    progression is given.
    """

    name: ClassVar[str] = "PSFHS"
    organ: ClassVar[str] = "pelvis"
    licence: ClassVar[str] = "CC BY 4.0"
    may_ship: ClassVar[bool] = True
    citation: ClassVar[str] = (
        "Chen et al., PSFHS: Intrapartum ultrasound image dataset for AI-based segmentation of pubic symphysis and fetal head, "
        "Sci Data 11, 2024"
    )

    def listed(self) -> Iterable[Listed]:
        """Every image; the set names no patients and no parts."""
        return [Listed(f"image_mha/{file.stem}") for file in sorted((self.root / "image_mha").glob("*.mha"))]

    def read(self, record: Record) -> Sample:
        """The image with what is labelled in it."""
        source = self.root / f"{record.key}.mha"
        pixels = flatten(read_metaimage(source).values, source)
        path = self.root / "label_mha" / f"{record.stem}.mha"
        labels = np.squeeze(read_metaimage(path).values)
        if labels.shape != pixels.shape[:2]:
            raise ImageReadError(f"{path}: mask of {labels.shape} for an image of {pixels.shape[:2]}")
        unknown = set(np.unique(labels).tolist()) - {0, *LABELS}
        if unknown or not labels.any():
            raise ImageReadError(f"{path}: labels 1 and 2 are wanted, found {sorted(unknown) or 'none'}")
        structures = tuple(
            Structure(name, masks=(labels == label)[None]) for label, name in LABELS.items() if (labels == label).any()
        )
        return self.sample(record, UltrasoundImage(pixels, name=record.key), structures=structures)


def flatten(values: npt.NDArray[np.generic], path: Path) -> UInt8[np.ndarray, "h w *channels"]:
    """A picture from values whose channels lie as three slices; grey where the channels are the same.

    Raises:
        ImageReadError: The values make no picture.
    """
    planes = np.moveaxis(values, 0, -1) if values.shape[0] == CHANNELS else np.squeeze(values)
    pixels = pixels_of_array(planes, str(path))
    if pixels.ndim == 3 and (pixels == pixels[..., :1]).all():
        return np.ascontiguousarray(pixels[..., 0])
    return pixels
