"""Samples decoded once into memory-mapped arrays, so that an epoch costs no decoding."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import numpy as np

from umind.data.labelled import Facts, Labelled, labelled
from umind.schema.sample import Sample

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
        self.facts = [Facts(**json.loads(line)) for line in (folder / FACTS).read_text("utf-8").splitlines()]
        self._pixels = np.load(folder / "pixels.npy", mmap_mode="r")
        self._labels = np.load(folder / "labels.npy", mmap_mode="r")

    def __len__(self) -> int:
        return len(self.facts)

    def __getitem__(self, index: int) -> Labelled:
        return Labelled(np.array(self._pixels[index]), np.array(self._labels[index]), self.facts[index])

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
            lines.append(json.dumps(asdict(item.facts)))
        if not lines:
            raise EmptyStoreError(f"there is nothing to store in {folder}")
        pixels.flush()
        labels.flush()
        unfinished = folder / f"{FACTS}.part"
        unfinished.write_text("\n".join(lines) + "\n", "utf-8")
        unfinished.replace(folder / FACTS)
        return cls(folder)
