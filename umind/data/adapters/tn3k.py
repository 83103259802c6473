"""TN3K: thyroid nodules."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
from jaxtyping import Bool

from umind.data.adapters.base import Adapter
from umind.data.adapters.files import SUFFIXES, find_by_stem, read_labels, read_pixels
from umind.data.adapters.instances import components
from umind.data.adapters.splits import Listed, Record
from umind.schema.errors import ImageReadError
from umind.schema.image import UltrasoundImage
from umind.schema.sample import Sample, Split, Structure

FOLD = "tn3k-trainval-fold0.json"
CLASSES = {"0": "benign", "1": "malignant"}
PARTS = ("trainval", "test")


class TN3K(Adapter):
    """Nodules of each image, one instance for each connected piece.

    Layout: ``trainval-image/0000.jpg``, ``trainval-mask/0000.jpg``, ``test-image``, ``test-mask``, and five divisions of
    trainval, ``tn3k-trainval-fold0.json`` to ``fold4``, as places in the list of its images sorted by number. The first one
    is taken. ``label4trainval.csv`` and ``label4test.csv`` (file name, 0 benign or 1 malignant, no heading) came later, with
    the ACL repository; they are read where they lie beside the images.
    Licence: none stated for the images; weights trained on it may not ship.
    Faults: masks are lossy JPEG with grey seams, so a pixel belongs to a nodule above half of the mask's brightest value. No
    patient identifiers.
    """

    name: ClassVar[str] = "TN3K"
    organ: ClassVar[str] = "thyroid"
    licence: ClassVar[str] = "none stated"
    may_ship: ClassVar[bool] = False
    citation: ClassVar[str] = "Gong et al., Multi-task learning for thyroid nodule segmentation, ISBI 2021"

    def __init__(self, root: Path, *, splits: tuple[Split, ...] = ("train", "val", "test")) -> None:
        super().__init__(root, splits=splits)
        self._classes = {part: read_classes(self.root / f"label4{part}.csv") for part in PARTS}

    def listed(self) -> Iterable[Listed]:
        """Images of the first fold and of the test part.

        Raises:
            ImageReadError: The fold is missing, or names images that are not there.
        """
        trainval, test = (image_stems(self.root / f"{part}-image") for part in PARTS)
        for part, places in read_fold(self.root / FOLD).items():
            for place in places:
                if not 0 <= place < len(trainval):
                    raise ImageReadError(f"{self.root / FOLD}: image {place} of {len(trainval)}")
                yield Listed(f"trainval-image/{trainval[place]}", split=part)
        yield from (Listed(f"test-image/{stem}", split="test") for stem in test)

    def read(self, record: Record) -> Sample:
        """The image with its nodules, and their class where the labels lie beside it."""
        part = record.folder.removesuffix("-image")
        pixels = read_pixels(find_by_stem(self.root / record.folder, record.stem))
        path = find_by_stem(self.root / f"{part}-mask", record.stem)
        nodules = components(above_half(read_labels(path, pixels.shape[:2])))
        if not nodules:
            raise ImageReadError(f"{path}: empty mask")
        kind = self._classes[part].get(record.stem)
        nodule = Structure("thyroid nodule", masks=np.stack(nodules), attributes={"class": kind} if kind else {})
        return self.sample(record, UltrasoundImage(pixels, name=record.key), structures=(nodule,))


def above_half(labels: np.ndarray) -> Bool[np.ndarray, "h w"]:
    """Pixels above half of the brightest one."""
    foreground: Bool[np.ndarray, "h w"] = labels.astype(np.int32) * 2 > labels.max()
    return foreground


def image_stems(folder: Path) -> list[str]:
    """Stems of the images in a folder, by their number."""
    return sorted((file.stem for file in folder.glob("*") if file.suffix.lower() in SUFFIXES and file.stem.isdigit()), key=int)


def read_fold(path: Path) -> Mapping[Split, list[int]]:
    """Places of the images of train and val.

    Raises:
        ImageReadError: The file is missing or no such division.
    """
    try:
        fold = json.loads(path.read_text(encoding="utf-8"))
        return {"train": [int(place) for place in fold["train"]], "val": [int(place) for place in fold["val"]]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ImageReadError(f"{path}: {error}") from error


def read_classes(path: Path) -> Mapping[str, str]:
    """Class of every image by its stem; empty where there is no such file.

    Raises:
        ImageReadError: A line holds something else.
    """
    if not path.is_file():
        return {}
    classes = {}
    for line in filter(str.strip, path.read_text(encoding="utf-8-sig").splitlines()):
        name, _, label = line.partition(",")
        if label.strip() not in CLASSES:
            raise ImageReadError(f"{path}: line {line!r}; a file name and 0 or 1 are wanted")
        classes[Path(name.strip()).stem] = CLASSES[label.strip()]
    return classes
