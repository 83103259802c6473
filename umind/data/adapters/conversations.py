"""Conversations about images, one record a line: what LLaVA, Qwen-VL and OpenAI's fine-tuning take."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, cast, get_args

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from umind.data.adapters.files import read_mask, read_pixels
from umind.data.adapters.own_folder import OwnFolder, noun
from umind.data.adapters.splits import Listed, Record
from umind.schema.image import UltrasoundImage
from umind.schema.sample import Exchange, Sample, Split, Structure

PERSON, MODEL = ("human", "user"), ("gpt", "assistant", "model")
PLACEHOLDER = re.compile(r"\s*<(image|video)>\s*")


@dataclass(frozen=True, eq=False)
class Mark:
    """What grounds a conversation in an image.

    Args:
        name: As a phrase.
        image: Which of the record's images, counted from 0.
        box: xyxy in pixels of that image; None for a mask.
        mask: Path below the set's folder; empty for a box.
    """

    name: str
    image: int
    box: tuple[float, float, float, float] | None
    mask: str


@dataclass(frozen=True, eq=False)
class Conversation:
    """The records about one image, or about one row of images.

    Args:
        images: Paths below the set's folder.
        exchanges: Questions with their answers, in turn.
        marks: Boxes and masks.
        report: Report; empty without one.
        patient: As the record says; None where it does not.
        split: As the record says; None where it does not.
    """

    images: tuple[str, ...]
    exchanges: tuple[Exchange, ...]
    marks: tuple[Mark, ...]
    report: str
    patient: str | None
    split: Split | None


class Conversations(OwnFolder):
    """Questions and answers of one or several turns about one or several images.

    Layout: ``*.jsonl`` in the set's folder, one record a line::

        {"images": ["a.png"],                                   also "image": "a.png" or a list
         "conversations": [{"from": "human", "value": "<image>Is there a nodule?"},
                           {"from": "gpt", "value": "Yes, one."}],
         "boxes": [{"name": "thyroid nodule", "box": [x1, y1, x2, y2], "image": 0}],
         "masks": [{"name": "thyroid nodule", "mask": "masks/a.png", "image": 0}],
         "report": "...", "language": "en", "patient": "17", "split": "train"}

    Images and turns are wanted, the rest may be missing. OpenAI's form reads alike: ``"messages": [{"role": "user",
    "content": ...}, {"role": "assistant", ...}]``, where content is a text, or a list of ``{"type": "text", "text": ...}`` and
    ``{"type": "image_url", "image_url": {"url": "a.png"}}``. Paths and urls are below the set's folder; boxes are xyxy in
    pixels. System turns and ``<image>`` are dropped. Records of the same images become one sample, whose key is the path of the
    image without suffix; several images stand side by side in one frame, in their order, as on a split screen, and their keys
    are joined with ``+``.
    Licence: unknown.
    Faults: a record that does not parse, whose turns do not alternate, or whose image is missing, is listed in ``skipped``. An
    image that stands in rows of several images too has several keys: such records want a ``patient``.
    """

    name: ClassVar[str] = "conversations"

    def __init__(self, root: Path, *, splits: tuple[Split, ...] = ("train", "val", "test")) -> None:
        self._said, faults = read_conversations(Path(root))
        super().__init__(root, splits=splits)
        known = [record for record in self.records if record.key in self._said]
        missing = [(record.key, "no record names it") for record in self.records if record.key not in self._said]
        self.records, self.skipped = tuple(known), (*faults, *missing)

    @classmethod
    def fits(cls, root: Path) -> bool:
        """Whether the first line of a ``.jsonl`` file is a record."""
        return any(is_record(path) for path in sorted(root.glob("*.jsonl")))

    def listed(self) -> Iterable[Listed]:
        """Images of the records, with patient and split where they say them."""
        return (Listed(key, said.patient, said.split) for key, said in self._said.items())

    def source(self, record: Record) -> Path:
        """The first image of a record."""
        return self.root / self._said[record.key].images[0]

    def read(self, record: Record) -> Sample:
        """The images side by side with what is said of them and marked in them."""
        said = self._said[record.key]
        panels = [read_pixels(self.root / name) for name in said.images]
        pixels, offsets = side_by_side(panels)
        shape = pixels.shape[:2]
        masks: dict[str, list[Bool[np.ndarray, "h w"]]] = defaultdict(list)
        boxes: dict[str, list[Float[np.ndarray, "4"]]] = defaultdict(list)
        for mark in said.marks:
            x = offsets[mark.image]
            if mark.box is not None:
                boxes[mark.name].append(np.array(mark.box, np.float32) + np.array([x, 0, x, 0], np.float32))
                continue
            height, width = panels[mark.image].shape[:2]
            mask = np.zeros(shape, bool)
            mask[:height, x : x + width] = read_mask(self.root / mark.mask, (height, width))
            masks[mark.name].append(mask)
        structures = tuple(
            Structure(
                name,
                masks=np.stack(masks[name]) if masks[name] else np.zeros((0, *shape), bool),
                boxes=np.stack(boxes[name]) if boxes[name] else np.zeros((0, 4), np.float32),
            )
            for name in dict.fromkeys(mark.name for mark in said.marks)
        )
        image = UltrasoundImage(pixels, name=record.key)
        return self.sample(record, image, structures=structures, exchanges=said.exchanges, report=said.report)


def is_record(path: Path) -> bool:
    """Whether the first line of a file is a record of a conversation."""
    try:
        with path.open(encoding="utf-8") as stream:
            content = json.loads(next((line for line in stream if line.strip()), ""))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and ("conversations" in content or "messages" in content)


def read_conversations(root: Path) -> tuple[dict[str, Conversation], tuple[tuple[str, str], ...]]:
    """Records of all files by the key of their images, and place and reason of those that cannot be used."""
    said: dict[str, Conversation] = {}
    faults = []
    for path in sorted(root.glob("*.jsonl")):
        for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), start=1):
            if not line.strip():
                continue
            try:
                found = conversation_of(json.loads(line))
                for name in found.images:
                    if not (root / name).is_file() or not (root / name).resolve().is_relative_to(root.resolve()):
                        raise ValueError(f"image {name} is not in the folder")
                key = "+".join(Path(name).with_suffix("").as_posix() for name in found.images)
                said[key] = joined(said[key], found) if key in said else found
            except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
                faults.append((f"{path.name}:{number}", f"no usable record: {error}"))
    return said, tuple(faults)


def conversation_of(record: Mapping[str, Any]) -> Conversation:
    """What a line says.

    Raises:
        ValueError: There is no image or no answer, or the turns do not alternate.
    """
    turns, shown = turns_of(record.get("conversations") or record.get("messages") or ())
    images = record.get("images") or record.get("image") or shown
    images = (images,) if isinstance(images, str) else tuple(map(str, images))
    if not images:
        raise ValueError("names no image")
    language, split, person = str(record.get("language", "en")), record.get("split"), record.get("patient")
    if split is not None and split not in get_args(Split):
        raise ValueError(f"split {split!r}")
    return Conversation(
        images,
        exchanges_of(turns, language),
        tuple(mark_of(mark, len(images)) for kind in ("boxes", "masks") for mark in record.get(kind) or ()),
        str(record.get("report") or ""),
        None if person is None else str(person),
        cast("Split | None", split),
    )


def turns_of(said: Sequence[Mapping[str, Any]]) -> tuple[list[tuple[str, str]], tuple[str, ...]]:
    """Speaker and words of every turn but the system's, and the images that the turns themselves name."""
    turns: list[tuple[str, str]] = []
    images: list[str] = []
    for turn in said:
        speaker, content = turn.get("from", turn.get("role")), turn.get("value", turn.get("content"))
        if speaker == "system":
            continue
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else list(content or ())
        images += [image_named(part) for part in parts if part["type"] != "text"]
        words = " ".join(part["text"] for part in parts if part["type"] == "text")
        turns.append((str(speaker), PLACEHOLDER.sub(" ", words).strip()))
    return turns, tuple(images)


def image_named(part: Mapping[str, Any]) -> str:
    """Path of the image in a turn of OpenAI's form, or of Qwen-VL's."""
    named = part[part["type"]]
    return str(named["url"] if isinstance(named, Mapping) else named)


def exchanges_of(turns: Sequence[tuple[str, str]], language: str) -> tuple[Exchange, ...]:
    """Questions with their answers.

    Raises:
        ValueError: They do not alternate, or an answer is empty.
    """
    speakers = [speaker for speaker, _ in turns]
    if len(turns) % 2 or not all(s in PERSON for s in speakers[::2]) or not all(s in MODEL for s in speakers[1::2]):
        raise ValueError(f"turns do not alternate between person and model: {', '.join(speakers) or 'none'}")
    pairs = list(zip(turns[::2], turns[1::2], strict=True))
    if not pairs or not all(answer for _, (_, answer) in pairs):
        raise ValueError("no answer")
    return tuple(Exchange(question, answer=answer, language=language) for (_, question), (_, answer) in pairs)


def mark_of(said: Mapping[str, Any], num_images: int) -> Mark:
    """A box or mask of a record.

    Raises:
        ValueError: Its numbers are no box, or its image is none of the record's.
    """
    image, box = int(said.get("image", 0)), said.get("box")
    if not 0 <= image < num_images:
        raise ValueError(f"image {image} of {num_images}")
    if box is None:
        return Mark(noun(said["name"]), image, None, str(said["mask"]))
    x1, y1, x2, y2 = map(float, box)
    if not (x1 < x2 and y1 < y2):
        raise ValueError(f"box {box}; xyxy in pixels is wanted")
    return Mark(noun(said["name"]), image, (x1, y1, x2, y2), "")


def joined(first: Conversation, second: Conversation) -> Conversation:
    """Two records of the same images as one.

    Raises:
        ValueError: They disagree on patient or split.
    """
    if (first.patient, first.split) != (second.patient, second.split):
        raise ValueError(f"patient or split is another than in an earlier record of {', '.join(first.images)}")
    seen = {(mark.name, mark.image, mark.box, mark.mask) for mark in first.marks}
    new = tuple(mark for mark in second.marks if (mark.name, mark.image, mark.box, mark.mask) not in seen)
    return Conversation(
        first.images,
        (*first.exchanges, *second.exchanges),
        (*first.marks, *new),
        first.report or second.report,
        first.patient,
        first.split,
    )


def side_by_side(
    panels: Sequence[UInt8[np.ndarray, "_h _w *channels"]],
) -> tuple[UInt8[np.ndarray, "h w *channels"], list[int]]:
    """Pictures in one frame from left to right, tops aligned, black below the lower ones; and the left edge of each."""
    if len(panels) == 1:
        return panels[0], [0]
    if len({panel.ndim for panel in panels}) > 1:
        panels = [panel if panel.ndim == 3 else cv2.cvtColor(panel, cv2.COLOR_GRAY2RGB) for panel in panels]
    height = max(panel.shape[0] for panel in panels)
    padded = [np.pad(panel, ((0, height - panel.shape[0]), *[(0, 0)] * (panel.ndim - 1))) for panel in panels]
    edges = np.cumsum([0, *(panel.shape[1] for panel in panels[:-1])])
    return np.concatenate(padded, axis=1), edges.tolist()
