"""JNU-IFM: pubic symphysis and fetal head in frames of videos taken during labour."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np

from umind.data.adapters.base import Adapter
from umind.data.adapters.files import SUFFIXES, find_by_stem, read_csv, read_labels, read_pixels
from umind.data.adapters.splits import Listed, Record
from umind.schema.errors import ImageReadError
from umind.schema.image import UltrasoundImage
from umind.schema.sample import Sample, Split, Structure

LABELS: Mapping[int, str] = {7: "pubic symphysis", 8: "fetal head"}
TABLE = "framelabel.csv"
SHOWN: Mapping[str, frozenset[str]] = {
    "3": frozenset(),
    "4": frozenset({"pubic symphysis"}),
    "5": frozenset({"fetal head"}),
    "6": frozenset(LABELS.values()),
}
"""What a frame label says is in the frame."""


class JNUIFM(Adapter):
    """Symphysis and head, one instance of each; what a frame is labelled to lack is a negative.

    Layout: a folder for each video with ``image/20190909T155747_12.png``, ``mask/20190909T155747_12_mask.png`` (7 pubic
    symphysis, 8 fetal head), ``mask_enhance`` (the mask in colours, not read), and ``framelabel.csv`` (frame_id, frame_label:
    3 none, 4 only symphysis, 5 only head, 6 both).
    Licence: published for research with the paper; weights trained on it may not ship.
    Faults: some frames have no mask: nothing is known of them, so they are listed in ``skipped``. A frame whose label and mask
    disagree about a structure says nothing about its absence. 78 videos of 51 people, whose names are not told: the division
    is by video, and videos of one person may stand on both sides.
    """

    name: ClassVar[str] = "JNU-IFM"
    organ: ClassVar[str] = "pelvis"
    licence: ClassVar[str] = "research; terms not verified"
    may_ship: ClassVar[bool] = False
    citation: ClassVar[str] = (
        "Lu et al., The JNU-IFM dataset for segmenting pubic symphysis-fetal head, Data in Brief 41, 107904, 2022"
    )

    def __init__(self, root: Path, *, splits: tuple[Split, ...] = ("train", "val", "test")) -> None:
        super().__init__(root, splits=splits)
        masks = {folder: _stems(self.root / folder / "mask") for folder in {_video(record) for record in self.records}}
        lacking = [record.key for record in self.records if f"{record.stem}_mask" not in masks[_video(record)]]
        self.records = tuple(record for record in self.records if record.key not in set(lacking))
        self.skipped = tuple((key, "no mask") for key in lacking)
        self._frames = {folder: read_frame_labels(self.root / folder / TABLE) for folder in masks}

    def listed(self) -> Iterable[Listed]:
        """Every frame of every video, which takes the place of the patient."""
        for folder in sorted(self.root.glob("*/image")):
            video = folder.parent.name
            yield from (Listed(f"{video}/image/{stem}", patient=video) for stem in sorted(_stems(folder)))

    def read(self, record: Record) -> Sample:
        """The frame with what is outlined in it, and what its label says is not there."""
        pixels = read_pixels(find_by_stem(self.root / record.folder, record.stem))
        path = find_by_stem(self.root / _video(record) / "mask", f"{record.stem}_mask")
        labels = read_labels(path, pixels.shape[:2])
        unknown = set(np.unique(labels).tolist()) - {0, *LABELS}
        if unknown:
            raise ImageReadError(f"{path}: labels 7 and 8 are wanted, found {sorted(unknown)}")
        outlined = {name: labels == label for label, name in LABELS.items() if (labels == label).any()}
        number = record.stem.rpartition("_")[2]
        label = self._frames[_video(record)].get(number.lstrip("0") or "0", "missing")
        if label not in SHOWN:
            raise ImageReadError(f"{self.root / _video(record) / TABLE}: label of frame {number} is {label}; wanted is 3 to 6")
        absent = tuple(name for name in LABELS.values() if name not in SHOWN[label] | set(outlined))
        structures = tuple(Structure(name, masks=mask[None]) for name, mask in outlined.items())
        return self.sample(record, UltrasoundImage(pixels, name=record.key), structures=structures, absent=absent)


def read_frame_labels(path: Path) -> Mapping[str, str]:
    """Label of every frame of a video, by the frame's number.

    Raises:
        ImageReadError: The file is missing, or a column is.
    """
    try:
        return {row["frame_id"].strip().lstrip("0") or "0": row["frame_label"].strip() for row in read_csv(path)}
    except (KeyError, AttributeError) as error:
        raise ImageReadError(f"{path}: columns frame_id and frame_label are wanted ({error})") from error


def _stems(folder: Path) -> set[str]:
    return {file.stem for file in folder.glob("*") if file.suffix.lower() in SUFFIXES}


def _video(record: Record) -> str:
    return record.folder.partition("/")[0]
