"""Samples decoded once into memory-mapped arrays, so that an epoch costs no decoding."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, astuple, fields
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from umind.data.labelled import Facts, Labelled, labelled
from umind.geometry.spacing import Spacing
from umind.schema.sample import Exchange, Sample

FACTS = "facts.jsonl"


class EmptyStoreError(ValueError):
    """Nothing was given to be stored."""


class Store:
    """A folder with ``pixels.npy`` and ``labels.npy`` ``(N, S, S)`` uint8 and ``facts.jsonl``, one line an image.

    Args:
        folder: What ``write`` made.

    Raises:
        ValueError: The folder holds no finished store.
    """

    def __init__(self, folder: Path) -> None:
        if not self.finished(folder):
            raise ValueError(f"no store in {folder}: run `umind data prepare`")
        self.folder = folder
        self._lines = (folder / FACTS).read_text("utf-8").splitlines()
        self.facts = [facts_of(line) for line in self._lines]
        self._pixels = np.load(folder / "pixels.npy", mmap_mode="r")
        self._labels = np.load(folder / "labels.npy", mmap_mode="r")

    def __len__(self) -> int:
        return len(self.facts)

    def __getitem__(self, index: int) -> Labelled:
        return item_of(np.array(self._pixels[index]), np.array(self._labels[index]), self._lines[index])

    @staticmethod
    def finished(folder: Path) -> bool:
        """Whether the folder holds a whole store."""
        return (folder / FACTS).exists()

    @classmethod
    def write(cls, folder: Path, samples: Iterable[Sample], num_samples: int, size: int) -> Store:
        """Decode samples into a folder; the facts are written last, so an interrupted store is never taken for a whole one.

        Args:
            folder: Made if need be.
            samples: What to store.
            num_samples: Most that there can be.
            size: Side of the square canvas, in pixels.

        Raises:
            EmptyStoreError: There is no sample at all.
        """
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FACTS).unlink(missing_ok=True)
        shape = (num_samples, size, size)
        pixels = np.lib.format.open_memmap(folder / "pixels.npy", "w+", np.uint8, shape)
        labels = np.lib.format.open_memmap(folder / "labels.npy", "w+", np.uint8, shape)
        lines = []
        for index, sample in enumerate(samples):
            item = labelled(sample, size)
            pixels[index], labels[index] = item.pixels, item.labels
            lines.append(line_of(item))
        if not lines:
            raise EmptyStoreError(f"there is nothing to store in {folder}")
        pixels.flush()
        labels.flush()
        unfinished = folder / f"{FACTS}.part"
        unfinished.write_text("\n".join(lines) + "\n", "utf-8")
        unfinished.replace(folder / FACTS)
        return cls(folder)


def line_of(item: Labelled) -> str:
    """What is known of an image besides its pixels and labels, as a line of JSON; what there is nothing of is left out."""
    known = {
        "boxes": item.boxes.tolist(),
        "keypoints": [None if np.isnan(point).any() else point.tolist() for point in item.keypoints],
        "spacing": astuple(item.spacing) if item.spacing else None,
        "exchanges": [asdict(exchange) for exchange in item.exchanges],
        "report": item.report,
    }
    return json.dumps(asdict(item.facts) | {name: value for name, value in known.items() if value})


def facts_of(line: str) -> Facts:
    """The facts of a line; lines that were written before one of them was known lack it."""
    known = json.loads(line)
    return Facts(**{entry.name: known[entry.name] for entry in fields(Facts) if entry.name in known})


def item_of(pixels: UInt8[np.ndarray, "s s"], labels: UInt8[np.ndarray, "s s"], line: str) -> Labelled:
    """The image that `line_of` was told of."""
    known = json.loads(line)
    exchanges = (Exchange(**entry | {"options": tuple(entry["options"])}) for entry in known.get("exchanges", ()))
    points = [point or (np.nan, np.nan) for point in known.get("keypoints", ())]
    return Labelled(
        pixels,
        labels,
        facts_of(line),
        boxes=np.array(known.get("boxes", ()), np.float32).reshape(-1, 4),
        keypoints=np.array(points, np.float32).reshape(-1, 2),
        spacing=Spacing(*known["spacing"]) if "spacing" in known else None,
        exchanges=tuple(exchanges),
        report=known.get("report", ""),
    )
