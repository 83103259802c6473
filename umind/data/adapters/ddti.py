"""DDTI: thyroid nodules with outlines and descriptors in one XML for each case."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar
from xml.etree import ElementTree

import cv2
import numpy as np
from jaxtyping import Bool, Int

from umind.data.adapters.base import Adapter
from umind.data.adapters.files import find_by_stem, read_pixels
from umind.data.adapters.instances import merge_overlapping
from umind.data.adapters.splits import Record
from umind.schema.errors import ImageReadError
from umind.schema.image import UltrasoundImage
from umind.schema.sample import Sample, Split, Structure

ATTRIBUTES: Mapping[str, str] = {
    "composition": "composition",
    "echogenicity": "echogenicity",
    "margins": "margin",
    "calcifications": "calcifications",
    "tirads": "tirads",
}
SPELLINGS: Mapping[str, str] = {
    "ill- defined": "ill defined",
    "microcalcification": "microcalcifications",
    "macrocalcification": "macrocalcifications",
    "non": "no",
}


class DDTI(Adapter):
    """Nodules of a case's images; descriptors belong to the case, so only a nodule that is alone in its image has them.

    Layout: ``100.xml`` beside ``100_1.jpg``, ``100_2.jpg`` ...; the XML has a ``<mark>`` for each image with its number
    and its outlines as JSON, in pixels of the 560 x 360 frame.
    Licence: an open-access data base without an explicit licence.
    Faults: some outlines are missing, or were cut at 2,500 characters and do not parse. Nothing is known of such an
    image, so it is listed in ``skipped`` and is no negative. "arrow" marks of two points are no outlines. A nodule
    outlined twice is one instance. ``tirads`` (2, 3, 4a, 4b, 4c, 5) is an older scale and no ACR TI-RADS. Spellings of one
    word are made one.
    """

    name: ClassVar[str] = "DDTI"
    organ: ClassVar[str] = "thyroid"
    licence: ClassVar[str] = "open-access data base, no explicit licence"
    may_ship: ClassVar[bool] = True
    citation: ClassVar[str] = "Pedraza et al., An open access thyroid ultrasound image database, SIPAIM 2015"

    def __init__(self, root: Path, *, splits: tuple[Split, ...] = ("train", "val", "test")) -> None:
        super().__init__(root, splits=splits)
        self._cases = {case: read_case(self.root / f"{case}.xml") for case in {_case(record) for record in self.records}}
        reasons = {record.key: self._fault(record) for record in self.records}
        self.records = tuple(record for record in self.records if not reasons[record.key])
        self.skipped = tuple((key, reason) for key, reason in reasons.items() if reason)

    def read(self, record: Record) -> Sample:
        """The image with its nodules and the case's descriptors."""
        pixels = read_pixels(find_by_stem(self.root / record.folder, record.stem))
        case = self._cases[_case(record)]
        masks = [_fill(outline, pixels.shape[:2]) for outline in read_outlines(case, _number(record))]
        nodules = merge_overlapping(masks)
        if not nodules:
            raise ImageReadError(f"{self.root / record.key}: every outline lies outside the image")
        said = {name: (case.findtext(tag) or "").strip().lower() for tag, name in ATTRIBUTES.items()}
        attributes = {name: SPELLINGS.get(value, value) for name, value in said.items() if value}
        image = UltrasoundImage(pixels, name=record.key)
        nodule = Structure("thyroid nodule", masks=np.stack(nodules), attributes=attributes if len(nodules) == 1 else {})
        return self.sample(record, image, structures=(nodule,))

    def _fault(self, record: Record) -> str:
        try:
            read_outlines(self._cases[_case(record)], _number(record))
        except ValueError as error:
            return str(error)
        return ""


def read_case(path: Path) -> ElementTree.Element:
    """Root of a case's XML.

    Raises:
        ImageReadError: The file is missing or no XML.
    """
    try:
        return ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError) as error:
        raise ImageReadError(f"{path}: {error}") from error


def read_outlines(case: ElementTree.Element, number: str) -> list[Int[np.ndarray, "k 2"]]:
    """Polygons xy of one image of a case.

    Args:
        case: Root of the case's XML.
        number: Number of the image, as ``<image>`` holds it.

    Raises:
        ValueError: An outline does not parse, or there is none.
    """
    outlines = []
    for mark in case.iter("mark"):
        if (mark.findtext("image") or "").strip() != number:
            continue
        text = (mark.findtext("svg") or "").strip()
        if not text:
            raise ValueError("no outline in its mark")
        try:
            polygons = [[(point["x"], point["y"]) for point in shape["points"]] for shape in json.loads(text)]
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise ValueError(f"outline does not parse: {error}") from error
        outlines += [np.array(polygon, np.int32) for polygon in polygons if len(polygon) > 2]
    if not outlines:
        raise ValueError("no outline")
    return outlines


def _fill(outline: Int[np.ndarray, "k 2"], shape: tuple[int, int]) -> Bool[np.ndarray, "h w"]:
    canvas = np.zeros(shape, np.uint8)
    cv2.fillPoly(canvas, [outline], 1)
    return canvas > 0


def _case(record: Record) -> str:
    return record.stem.partition("_")[0]


def _number(record: Record) -> str:
    return record.stem.partition("_")[2]
