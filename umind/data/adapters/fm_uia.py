"""FM_UIA: the tasks of the foundation model challenge for ultrasound image analysis (ISBI 2026)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from posixpath import normpath
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from umind.data.adapters.absence import ABSENT
from umind.data.adapters.base import Adapter
from umind.data.adapters.files import find_by_stem, read_csv, read_mask, read_pixels
from umind.data.adapters.instances import components
from umind.data.adapters.splits import Listed, Record
from umind.schema.errors import ImageReadError
from umind.schema.image import UltrasoundImage
from umind.schema.sample import Sample, Split, Structure

TABLES = "csv_files"
PARTS: tuple[Split, ...] = ("train", "val")
CORNERS = ("x_min", "y_min", "x_max", "y_max")


@dataclass(frozen=True)
class Task:
    """What a task of the challenge outlines or boxes.

    Args:
        structure: Canonical name.
        organ: What is scanned; empty when the challenge does not say.
        like: A set of the same anatomy, whose negatives hold here too; empty for none.
    """

    structure: str
    organ: str
    like: str


TASKS: Mapping[str, Task] = {
    "breast_lesion": Task("breast lesion", "breast", "BUSBRA"),
    "carotid_artery": Task("carotid artery", "neck", "CCAUS"),
    "cervix": Task("cervix", "pelvis", "PSFHS"),
    "fetal_head": Task("fetal head", "fetal head", "HC18"),
    "fetal_heart": Task("fetal heart", "", "PSFHS"),
    "lung": Task("lung", "lung", "POCUS"),
    "ovary_tumor": Task("ovarian mass", "ovary", "MMOTU_2D"),
    "thyroid_nodule": Task("thyroid nodule", "thyroid", "DDTI"),
    "thyroid_nodule_det": Task("thyroid nodule", "thyroid", "DDTI"),
    "uterine_fibroid_det": Task("uterine fibroid", "pelvis", "PSFHS"),
    "spinal_cord_injury_loc": Task("spinal cord injury", "", ""),
}
"""The 11 of 27 tasks that say themselves what they mark: two-class segmentation and detection."""


class FMUIA(Adapter):
    """Outlined or boxed structures of many organs, an image for each file that the tables name.

    Layout: ``train`` and ``val``, each with ``csv_files/*.csv`` (task_id, task_name, num_classes, image_path and mask_path from
    the folder of the table, x_min, y_min, x_max, y_max in pixels) and the images below ``Segmentation``, ``Detection``,
    ``Classification`` and ``Regression``. Masks hold the number of the class; rows about one image are joined.
    Licence: for the challenge; weights trained on it may not ship.
    Faults: the meaning of the numbers of its classes and points is not published with the code, so classification, landmarks
    and segmentation with more than two classes (16 tasks) are listed in ``skipped`` and not read. The challenge joins public
    sets, so that its images may be in other sets' test parts. There are no patients; ``organ`` is the task's.
    """

    name: ClassVar[str] = "FM_UIA"
    organ: ClassVar[str] = ""
    licence: ClassVar[str] = "challenge use only"
    may_ship: ClassVar[bool] = False
    citation: ClassVar[str] = (
        "Deng et al., Baseline method of the foundation model challenge for ultrasound image analysis, arXiv:2602.01055, 2026"
    )

    def __init__(self, root: Path, *, splits: tuple[Split, ...] = ("train", "val", "test")) -> None:
        self._rows: dict[str, list[Mapping[str, str]]] = defaultdict(list)
        unread: dict[str, str] = {}
        for part in PARTS:
            for table in sorted((Path(root) / part / TABLES).glob("*.csv")):
                for row in read_csv(table):
                    key = key_of(row.get("image_path", ""), part, table)
                    if row.get("task_id") in TASKS:
                        self._rows[key].append(row)
                    else:
                        unread[key] = f"task {row.get('task_id')}: what its numbers mean is not published"
        if not self._rows:
            raise ImageReadError(f"{Path(root) / PARTS[0] / TABLES}: no table with a task that can be read")
        super().__init__(root, splits=splits)
        kept = {key: reason for key, reason in unread.items() if key not in self._rows and key.partition("/")[0] in splits}
        self.skipped = tuple(kept.items())

    def listed(self) -> Iterable[Listed]:
        """Every image of a readable task, in the part whose folder it lies in."""
        for key in self._rows:
            yield Listed(key, split=next(part for part in PARTS if key.startswith(f"{part}/")))

    def read(self, record: Record) -> Sample:
        """The image with what its tasks mark."""
        pixels = read_pixels(find_by_stem(self.root / record.folder, record.stem))
        rows = self._rows.get(record.key)
        if not rows:
            raise ImageReadError(f"{self.root / record.key}: no table names it")
        part = record.key.partition("/")[0]
        marked: dict[str, Structure] = {}
        for row in rows:
            name = TASKS[row["task_id"]].structure
            marked[name] = join(marked.get(name), self._structure(row, part, (pixels.shape[0], pixels.shape[1])))
        task = TASKS[rows[0]["task_id"]]
        absent = tuple(name for name in ABSENT.get(task.like, ()) if name not in marked)
        image = UltrasoundImage(pixels, name=record.key)
        return replace(self.sample(record, image, structures=tuple(marked.values()), absent=absent), organ=task.organ)

    def _structure(self, row: Mapping[str, str], part: str, shape: tuple[int, int]) -> Structure:
        name = TASKS[row["task_id"]].structure
        if row.get("task_name") == "detection":
            return Structure(name, masks=np.zeros((0, *shape), bool), boxes=read_box(row, shape))
        table = self.root / part / TABLES
        key = PurePosixPath(key_of(row.get("mask_path", ""), part, table))
        path = find_by_stem(self.root / key.parent, key.name)
        instances = components(read_mask(path, shape))
        if not instances:
            raise ImageReadError(f"{path}: empty mask")
        return Structure(name, masks=np.stack(instances))


def key_of(path: str, part: str, table: Path) -> str:
    """Path below the set's folder, without suffix, of a file that a table names from its own folder.

    Raises:
        ImageReadError: The path is empty or leads out of the part.
    """
    below = normpath(f"{part}/{TABLES}/{path.strip()}".replace("\\", "/"))
    if not path.strip() or not below.startswith(f"{part}/"):
        raise ImageReadError(f"{table}: {path!r} is no path below {part}")
    return str(PurePosixPath(below).with_suffix(""))


def read_box(row: Mapping[str, str], shape: tuple[int, int]) -> Float[np.ndarray, "1 4"]:
    """Box xyxy in pixels.

    Raises:
        ImageReadError: A corner is no number, or the box is empty or outside the image.
    """
    try:
        box = np.array([[float(row[corner]) for corner in CORNERS]], np.float32)
    except (KeyError, TypeError, ValueError) as error:
        raise ImageReadError(f"{row.get('image_path')}: no box in {', '.join(CORNERS)} ({error})") from error
    x0, y0, x1, y1 = box[0]
    if not (x0 < x1 and y0 < y1 and x0 < shape[1] and y0 < shape[0] and x1 > 0 and y1 > 0):
        raise ImageReadError(f"{row.get('image_path')}: box {box[0].tolist()} in an image of {shape}")
    return box


def join(first: Structure | None, second: Structure) -> Structure:
    """Both structures' instances under one name."""
    if first is None:
        return second
    masks, boxes = np.concatenate([first.masks, second.masks]), np.concatenate([first.boxes, second.boxes])
    return Structure(first.name, masks=masks, boxes=boxes)
