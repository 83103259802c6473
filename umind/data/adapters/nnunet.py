"""nnU-Net: the raw data sets that segmentation groups train from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from jaxtyping import UInt8

from umind.data.adapters.files import find_by_stem, read_labels, read_pixels
from umind.data.adapters.instances import components
from umind.data.adapters.own_folder import OwnFolder, noun
from umind.data.adapters.splits import Listed, Record
from umind.geometry.spacing import Spacing
from umind.io.nifti import read_header, read_volume
from umind.schema.errors import ImageReadError
from umind.schema.image import CalibrationSource, UltrasoundImage
from umind.schema.sample import Sample, Split, Structure

CHANNEL = "_0000"
PAIRS: tuple[tuple[str, str, Split | None], ...] = (("imagesTr", "labelsTr", None), ("imagesTs", "labelsTs", "test"))
VOLUMES = (".nii", ".nii.gz")
NO_SCALE = 1.0
"""Millimetres per voxel that converters write when they do not know the scale."""


class NNUNet(OwnFolder):
    """Label maps of pictures, or of the slices of volumes.

    Layout: ``dataset.json`` with ``labels`` (name to value, or to a list of values that make up a region; value to name in
    version 1) and ``file_ending``; ``imagesTr/CASE_0000.png`` with ``labelsTr/CASE.png``, and ``imagesTs`` with ``labelsTs``,
    where there is one, as the test part. Pictures, ``.nii`` and ``.nii.gz`` are read. Of several channels the first is.
    https://github.com/MIC-DKFZ/nnUNet/blob/master/documentation/dataset_format.md
    A volume gives an image for each slice along the last of the axes that its header names, keyed ``imagesTr/CASE/007`` and
    counted from 0; the case is the patient, so no volume is divided. Rows are the second axis, columns the first, and none is
    flipped: that is how converters lay frames out. Spacing is that of the header, in rows and columns; a header without a unit
    gives none, nor does one of 1 by 1 mm (``suspect``). Values that fit 0 to 255 stay as they are; others are stretched from
    the least to the greatest of the volume.
    Licence: unknown.
    Faults: an image without a label map is listed in ``skipped``. Every pixel has a label, so a name that an image lacks is a
    negative there; not so where a pixel is labelled ``ignore``.
    """

    name: ClassVar[str] = "nnU-Net"

    def __init__(self, root: Path, *, splits: tuple[Split, ...] = ("train", "val", "test")) -> None:
        said = read_description(Path(root))
        self._ending = str(said.get("file_ending") or guess_ending(Path(root)))
        self._labels, self._ignored = read_labels_of(said.get("labels"), Path(root))
        self._broken: dict[str, str] = {}
        super().__init__(root, splits=splits)
        reasons = {record.key: self._fault(record) for record in self.records}
        self.records = tuple(record for record in self.records if not reasons[record.key])
        self.skipped = (
            *self._broken.items(),
            *((key, reason) for key, reason in reasons.items() if reason),
        )

    @classmethod
    def fits(cls, root: Path) -> bool:
        """Whether there are ``dataset.json``, ``imagesTr`` and ``labelsTr``."""
        return (root / "dataset.json").is_file() and all((root / name).is_dir() for name in PAIRS[0][:2])

    def listed(self) -> Iterable[Listed]:
        """Pictures, or the slices of each volume."""
        for folder, labels, split in PAIRS:
            if not (self.root / labels).is_dir():
                continue
            for path in sorted((self.root / folder).glob(f"*{CHANNEL}{self._ending}")):
                case = path.name.removesuffix(CHANNEL + self._ending)
                if self._ending not in VOLUMES:
                    yield Listed(f"{folder}/{case}", split=split)
                    continue
                try:
                    depth = read_header(path).shape[2]
                except ImageReadError as error:
                    self._broken[f"{folder}/{case}"] = str(error)
                    continue
                yield from (Listed(f"{folder}/{case}/{k:03d}", case, split) for k in range(depth))

    def source(self, record: Record) -> Path:
        """The picture or volume of a record."""
        if self._ending in VOLUMES:
            return self.root / f"{record.folder}{CHANNEL}{self._ending}"
        return find_by_stem(self.root / record.folder, record.stem + CHANNEL)

    def read(self, record: Record) -> Sample:
        """The image with the pieces of every label."""
        image, labels = self._slice(record) if self._ending in VOLUMES else self._picture(record)
        named = {value for values in self._labels.values() for value in values}
        unknown = set(np.unique(labels).tolist()) - {0, *named, *self._ignored}
        if unknown:
            raise ImageReadError(f"{self._label_path(record)}: values {sorted(unknown)} have no name in dataset.json")
        where = {name: np.isin(labels, values) for name, values in self._labels.items()}
        structures = tuple(Structure(name, masks=np.stack(components(mask))) for name, mask in where.items() if mask.any())
        sure = not np.isin(labels, self._ignored).any()
        absent = tuple(name for name, mask in where.items() if sure and not mask.any())
        return self.sample(record, image, structures=structures, absent=absent)

    def _picture(self, record: Record) -> tuple[UltrasoundImage, npt.NDArray[Any]]:
        pixels = read_pixels(self.source(record))
        return UltrasoundImage(pixels, name=record.key), read_labels(self._label_path(record), pixels.shape[:2])

    def _slice(self, record: Record) -> tuple[UltrasoundImage, npt.NDArray[Any]]:
        path, label_path = self.source(record), self._label_path(record)
        volume, labels = volume_of(path), volume_of(label_path)
        if volume.shape != labels.shape:
            raise ImageReadError(f"{label_path}: mask of {labels.shape} for an image of {volume.shape}")
        spacing, calibration = spacing_of(path)
        pixels = grey_of(volume[int(record.stem)], *range_of(path))
        image = UltrasoundImage(pixels, spacing=spacing, calibration=calibration, name=record.key)
        return image, np.rint(labels[int(record.stem)]).astype(np.int64)

    def _label_path(self, record: Record) -> Path:
        if self._ending in VOLUMES:
            return self.root / f"{record.folder.replace('images', 'labels', 1)}{self._ending}"
        return find_by_stem(self.root / record.folder.replace("images", "labels", 1), record.stem)

    def _fault(self, record: Record) -> str:
        try:
            return "" if self._label_path(record).is_file() else "no label map"
        except ImageReadError:
            return "no label map"


def read_description(root: Path) -> Mapping[str, Any]:
    """Content of ``dataset.json``.

    Raises:
        ImageReadError: The file is no JSON object.
    """
    path = root / "dataset.json"
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ImageReadError(f"{path}: {error}") from error
    if not isinstance(content, dict):
        raise ImageReadError(f"{path}: wanted is an object with labels and file_ending")
    return content


def read_labels_of(said: object, root: Path) -> tuple[Mapping[str, tuple[int, ...]], tuple[int, ...]]:
    """Values of every name, and the values that mean that nobody has labelled a pixel.

    Raises:
        ImageReadError: ``labels`` is neither name to value (version 2) nor value to name (version 1).
    """
    names: dict[str, tuple[int, ...]] = {}
    ignored: tuple[int, ...] = ()
    try:
        for key, value in dict(said).items():  # type: ignore[call-overload]
            name, values = (value, [int(key)]) if isinstance(value, str) else (key, np.atleast_1d(value).astype(int).tolist())
            if name == "ignore":
                ignored = tuple(values)
            elif values != [0]:
                names[noun(name)] = tuple(value for value in values if value)
    except (TypeError, ValueError, AttributeError) as error:
        raise ImageReadError(f"{root / 'dataset.json'}: labels want a value for each name ({error})") from error
    return names, ignored


def guess_ending(root: Path) -> str:
    """Suffix of the images where ``dataset.json`` does not say it, as version 1 does not."""
    names = sorted(path.name for path in (root / PAIRS[0][0]).glob(f"*{CHANNEL}.*"))
    return names[0].rpartition(CHANNEL)[2] if names else ".nii.gz"


@lru_cache(maxsize=4)
def volume_of(path: Path) -> npt.NDArray[Any]:
    """A volume, kept while its slices are read one after another."""
    return read_volume(path)


@lru_cache(maxsize=4)
def range_of(path: Path) -> tuple[float, float]:
    """Least and greatest value of a volume.

    Raises:
        ImageReadError: A value is no number.
    """
    volume = volume_of(path)
    low, high = float(volume.min()), float(volume.max())
    if not np.isfinite([low, high]).all():
        raise ImageReadError(f"{path}: holds values that are no numbers")
    return low, high


def grey_of(plane: npt.NDArray[Any], low: float, high: float) -> UInt8[np.ndarray, "h w"]:
    """A slice in grey levels, by the range of its volume."""
    fits = low >= 0 and 1 < high <= 255
    start, scale = (0.0, 1.0) if fits else (low, 255 / max(high - low, 1e-6))
    grey: UInt8[np.ndarray, "h w"] = np.rint((plane.astype(np.float64) - start) * scale).astype(np.uint8)
    return grey


def spacing_of(path: Path) -> tuple[Spacing | None, CalibrationSource]:
    """Millimetres per pixel of a volume's slices, and where they come from."""
    voxel = read_header(path).voxel
    if voxel is None or not min(voxel[:2]) > 0:
        return None, "none"
    if voxel[:2] == (NO_SCALE, NO_SCALE):
        return None, "suspect"
    return Spacing(voxel[1], voxel[0]), "sidecar"
