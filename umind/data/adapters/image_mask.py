"""Images with masks of the same names: what scripts and painting tools write."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import ClassVar, cast, get_args

import numpy as np

from umind.data.adapters.files import SUFFIXES, find_by_stem, read_labels, read_pixels
from umind.data.adapters.instances import components
from umind.data.adapters.own_folder import OwnFolder, noun
from umind.data.adapters.splits import Listed, Record
from umind.schema.errors import ImageReadError
from umind.schema.image import UltrasoundImage
from umind.schema.sample import Sample, Split, Structure

IMAGES, MASKS = "images", "masks"
MARK = "_mask"
LABELS = "labels.json"


class ImageMask(OwnFolder):
    """One mask for each image, one instance for each connected piece of a label.

    Layout: ``images/a.png`` with ``masks/a.png`` or ``masks/a_mask.png``, folders below ``images`` mirrored below ``masks``;
    or ``a.png`` beside ``a_mask.png``, in the set's folder or in folders of it. A first folder ``train``, ``val`` or ``test``
    is the split. ``labels.json`` names the values: ``{"1": "thyroid nodule", "2": "thyroid gland"}``; with one name in it
    every value above zero is that thing. Without it that one name is the folder's own, as in ``Thyroid_Nodule/images``.
    Licence: unknown.
    Faults: an image without a mask is listed in ``skipped``. An empty mask says nothing: nobody knows whether there is no such
    thing or nobody has looked, so the image has no structure and no negative. A value without a name is an error.
    """

    name: ClassVar[str] = "images and masks"

    def __init__(self, root: Path, *, splits: tuple[Split, ...] = ("train", "val", "test")) -> None:
        self._labels = read_names(Path(root))
        super().__init__(root, splits=splits)
        reasons = {record.key: self._fault(record) for record in self.records}
        self.records = tuple(record for record in self.records if not reasons[record.key])
        self.skipped = tuple((key, reason) for key, reason in reasons.items() if reason)

    @classmethod
    def fits(cls, root: Path) -> bool:
        """Whether there are ``images`` and ``masks``, or a picture beside its mask."""
        if (root / IMAGES).is_dir() and (root / MASKS).is_dir():
            return any(path.suffix.lower() in SUFFIXES for path in (root / IMAGES).rglob("*"))
        return any(is_marked(path) for path in pictures_beside(root))

    def listed(self) -> Iterable[Listed]:
        """Images with their parts, where folders say them."""
        root = self.root
        if (root / IMAGES).is_dir():
            found = [path for path in sorted((root / IMAGES).rglob("*")) if path.suffix.lower() in SUFFIXES]
        else:
            found = [path for path in pictures_beside(root) if not is_marked(path)]
        for path in found:
            key = path.relative_to(root).with_suffix("").as_posix()
            first = key.removeprefix(f"{IMAGES}/").partition("/")[0]
            yield Listed(key, split=cast(Split, first) if first in get_args(Split) else None)

    def read(self, record: Record) -> Sample:
        """The image with the pieces of every label."""
        pixels = read_pixels(self.source(record))
        path = self._mask(record)
        labels = read_labels(path, pixels.shape[:2])
        if len(self._labels) == 1:
            labels = np.where(labels > 0, next(iter(self._labels)), 0).astype(np.uint8)
        unknown = set(np.unique(labels).tolist()) - {0, *self._labels}
        if unknown:
            raise ImageReadError(f"{path}: values {sorted(unknown)} have no name in {LABELS}")
        structures = tuple(
            Structure(name, masks=np.stack(components(labels == value)))
            for value, name in self._labels.items()
            if (labels == value).any()
        )
        return self.sample(record, UltrasoundImage(pixels, name=record.key), structures=structures)

    def _mask(self, record: Record) -> Path:
        if not record.key.startswith(f"{IMAGES}/"):
            return find_by_stem(self.root / record.folder, f"{record.stem}{MARK}")
        folder = self.root / MASKS / record.folder.removeprefix(IMAGES).lstrip("/")
        try:
            return find_by_stem(folder, record.stem)
        except ImageReadError:
            return find_by_stem(folder, f"{record.stem}{MARK}")

    def _fault(self, record: Record) -> str:
        try:
            self._mask(record)
        except ImageReadError:
            return "no mask"
        return ""


def pictures_beside(root: Path) -> list[Path]:
    """Pictures of a folder and of the folders in it, in order."""
    return sorted(path for place in ("*", "*/*") for path in root.glob(place) if path.suffix.lower() in SUFFIXES)


def is_marked(path: Path) -> bool:
    """Whether a file is the mask of a picture beside it."""
    if not path.stem.endswith(MARK):
        return False
    return any((path.parent / (path.stem.removesuffix(MARK) + suffix)).is_file() for suffix in SUFFIXES)


def read_names(root: Path) -> Mapping[int, str]:
    """Names by value of a folder's ``labels.json``; without it the folder's own name for the value 1.

    Raises:
        ValueError: The file is no such table; the message says what is wanted.
    """
    path = root / LABELS
    if not path.is_file():
        return {1: noun(root.resolve().name)}
    try:
        names = {int(value): noun(name) for value, name in json.loads(path.read_text("utf-8")).items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(f'{path}: wanted is {{"value": "name"}}, as {{"1": "thyroid nodule"}} ({error})') from error
    if not names or not all(0 < value < 256 and name for value, name in names.items()):
        raise ValueError(f"{path}: values 1 to 255 with names are wanted, got {names}")
    return names
