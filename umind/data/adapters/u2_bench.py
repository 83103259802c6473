"""U2-BENCH: questions of eight tasks over frames of forty ultrasound sets."""

from __future__ import annotations

import ast
import base64
import binascii
import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

import numpy as np
from jaxtyping import UInt8

from umind.data.adapters.own_folder import OwnFolder, noun
from umind.data.adapters.splits import Listed, Record
from umind.io.limits import naming
from umind.io.pictures import open_picture, pixels_of_picture
from umind.schema.errors import ImageReadError
from umind.schema.image import UltrasoundImage
from umind.schema.sample import Exchange, Sample, Split

ANSWERS: Mapping[str, str] = MappingProxyType(
    {
        "disease_diagnosis": "class_label",
        "view_recognition_and_assessment": "class_label",
        "lesion_localisation": "gt_bbox",
        "organ_detection": "gt_bbox",
        "keypoint_detection": "keypoints",
        "clinical_value_estimation": "measurement",
        "report_generation": "report",
        "caption_generation": "caption",
    }
)
"""Column that holds the answer, by the folder of a task."""
NEEDED = ("dataset_name", "img_data", "prompt")
LARGEST_FIELD = 2**27
"""Characters of a field; masks of ``seg_data`` reach 22 million."""
LONGEST_POINTER = 64
"""Characters up to which ``img_data`` is no image, but the number of the row that holds it, as VLMEvalKit has it."""
MIDDLE = (0.45, 0.55)
"""Where the middle third of the nine places begins and ends, in shares of the image."""


@dataclass(frozen=True)
class Item:
    """A row of a table.

    Args:
        path: The table.
        row: Number of the row, counted from 0.
        patient: As published; None without one.
        organ: ``anatomy_location`` as a phrase.
        exchange: Question and answer.
        report: The answer, where the task is to write a report.
    """

    path: Path
    row: int
    patient: str | None
    organ: str
    exchange: Exchange
    report: str


class U2Bench(OwnFolder):
    r"""One question to each image. All of it is test: a benchmark is never trained on.

    Layout: a folder for each of eight tasks (`ANSWERS`) with ``.tsv`` tables; columns ``dataset_name``, ``img_data`` (base64),
    ``patient_id``, ``prompt``, ``anatomy_location``, ``demographic``, ``classification_task``, ``class_label``, ``options``,
    ``seg_data``, ``seg_channel_name``, ``gt_bbox``, ``keypoints``, ``measurement``, ``caption``, ``report``, ``notes``. A key
    is ``<task>/<table>/<row>``. https://huggingface.co/datasets/DolphinAI/u2-bench
    Licence: CC BY-NC-ND 4.0.
    Citation: the sets behind it keep their own.
    Assumed, since the tables were not at hand, only their columns, their explanation and the evaluation code
    (https://github.com/dolphin-sound/u2-bench-evalkit): ``prompt`` is a template with ``{anatomy_location}``, where ``\_`` and
    ``\n`` stand for an underscore and a line's end; ``options`` is a list, or lists by ``classification_task``; the answer is
    the task's column; ``gt_bbox`` is centre x, centre y, width, height in shares of the image, and ``keypoints`` names
    points in such shares, of which the first is asked for; their answer is one of nine places, "not visible" without a box,
    with the limits of the evaluation code. Boxes or points in other units are listed in ``skipped``, not guessed.
    Faults: rows without question or answer are listed in ``skipped``.
    """

    name: ClassVar[str] = "U2-BENCH"
    licence: ClassVar[str] = "CC BY-NC-ND 4.0"
    citation: ClassVar[str] = "U2-BENCH: Benchmarking Large Vision-Language Models on Ultrasound Understanding, 2025"

    def __init__(self, root: Path, *, splits: tuple[Split, ...] = ("train", "val", "test")) -> None:
        self._items, faults = read_items(Path(root))
        super().__init__(root, splits=splits)
        self.records = tuple(record for record in self.records if record.key in self._items)
        self.skipped = faults

    @classmethod
    def fits(cls, root: Path) -> bool:
        """Whether there is a table with its columns."""
        return any(set(NEEDED) <= set(heading(path)) for path in tables(root))

    def listed(self) -> Iterable[Listed]:
        """Rows of all tables, as test."""
        return (Listed(key, item.patient, "test") for key, item in self._items.items())

    def source(self, record: Record) -> Path:
        """The table that holds the image."""
        return self._items[record.key].path

    def read(self, record: Record) -> Sample:
        """The image with its question."""
        item = self._items[record.key]
        image = UltrasoundImage(decode(images_of(item.path), item.row, record.key), name=record.key)
        sample = self.sample(record, image, exchanges=(item.exchange,), report=item.report)
        return replace(sample, organ=item.organ)


def tables(root: Path) -> list[Path]:
    """Tables of the tasks, without the one that explains the columns."""
    return sorted(path for path in root.glob("*/*.tsv") if path.parent.name in ANSWERS)


def rows_of(path: Path) -> list[dict[str, str]]:
    """Rows of a table, as text.

    Raises:
        ImageReadError: The file is missing or no table.
    """
    limit = csv.field_size_limit(LARGEST_FIELD)
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            return [{key: value or "" for key, value in row.items() if key} for row in csv.DictReader(stream, delimiter="\t")]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ImageReadError(f"{path}: {error}") from error
    finally:
        csv.field_size_limit(limit)


def heading(path: Path) -> list[str]:
    """Columns of a table."""
    try:
        with path.open(encoding="utf-8-sig") as stream:
            return stream.readline().rstrip("\r\n").split("\t")
    except (OSError, UnicodeDecodeError):
        return []


@lru_cache(maxsize=1)
def images_of(path: Path) -> tuple[str, ...]:
    """Encoded images of a table, kept while its rows are read one after another."""
    return tuple(row["img_data"] for row in rows_of(path))


def decode(images: tuple[str, ...], row: int, key: str) -> UInt8[np.ndarray, "h w *channels"]:
    """Pixels of a row's image, or of the image of the row that it points to.

    Raises:
        ImageReadError: There is no such row, or no image in it.
    """
    text = images[row]
    try:
        if len(text) <= LONGEST_POINTER:
            text = images[int(text)]
        data = base64.b64decode(text.rpartition(",")[2], validate=True)
    except (ValueError, IndexError, binascii.Error) as error:
        raise ImageReadError(f"{key}: img_data is no image: {error}") from error
    with naming(key), open_picture(BytesIO(data)) as picture:
        return pixels_of_picture(picture, key)


def read_items(root: Path) -> tuple[dict[str, Item], tuple[tuple[str, str], ...]]:
    """Rows by key, and key and reason of those that ask or answer nothing."""
    items: dict[str, Item] = {}
    faults = []
    for path in tables(root):
        task = path.parent.name
        for number, row in enumerate(rows_of(path)):
            key = f"{task}/{path.stem}/{number:04d}"
            try:
                exchange = exchange_of(row, task)
            except ValueError as error:
                faults.append((key, str(error)))
                continue
            report = exchange.answer if task == "report_generation" else ""
            person = row.get("patient_id") or None
            patient = f"{row['dataset_name']}/{person}" if person else None
            items[key] = Item(path, number, patient, noun(row.get("anatomy_location", "")), exchange, report)
    return items, tuple(faults)


def exchange_of(row: Mapping[str, str], task: str) -> Exchange:
    """Question, answer and choices of a row.

    Raises:
        ValueError: It asks nothing, answers nothing, or answers in units that are not known.
    """
    template = row["prompt"].replace("\\_", "_").replace("\\n", "\n")
    question = template.replace("{anatomy_location}", row.get("anatomy_location", "")).strip()
    column = ANSWERS[task]
    said = row.get(column, "").strip()
    answer = said if column not in ("gt_bbox", "keypoints") else place_said(said)
    if not question or not answer:
        raise ValueError(f"no {'prompt' if not question else column}")
    return Exchange(question, answer=answer, options=options_of(row))


def options_of(row: Mapping[str, str]) -> tuple[str, ...]:
    """What could be chosen from; nothing where the column is empty or no list."""
    try:
        choices = ast.literal_eval(row.get("options", ""))
    except (ValueError, SyntaxError):
        return ()
    if isinstance(choices, dict):
        choices = choices.get(row.get("classification_task", ""), ())
    return tuple(map(str, choices)) if isinstance(choices, list | tuple) else ()


def place_said(text: str) -> str:
    """The place, of nine, of a box's centre or of the first named point; "not visible" without either.

    Raises:
        ValueError: The numbers are no shares of the image.
    """
    if text.lower() in ("", "nan", "none", "null", "[]", "{}"):
        return "not visible"
    try:
        numbers = ast.literal_eval(text)
        if isinstance(numbers, dict):
            numbers = next(iter(numbers.values()))
        while isinstance(numbers[0], list | tuple):
            numbers = numbers[0]
        x, y = float(numbers[0]), float(numbers[1])
    except (ValueError, SyntaxError, TypeError, IndexError, KeyError) as error:
        raise ValueError(f"no place in {text[:60]!r}") from error
    if not (0 <= x <= 1 and 0 <= y <= 1):
        raise ValueError(f"{text[:60]!r} is not in shares of the image")
    return place_of(x, y)


def place_of(x: float, y: float) -> str:
    """Name of a point's place in the words of the benchmark.

    Args:
        x: Share of the width, from the left.
        y: Share of the height, from the top.
    """
    low, high = MIDDLE
    column = "left" if x < low else "center" if x < high else "right"
    row = "upper" if y < low else "middle" if y < high else "lower"
    return "center" if (row, column) == ("middle", "center") else f"{row} {column}"
