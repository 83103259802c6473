"""Near-duplicates on both sides of a division: ``python -m benchmarks.twins --data DIR``.

Writes ``benchmarks/results/twins.csv``, one line for each pair of images of a set that look alike and are in two splits.
Figures leave out what has a twin in train, since a model may know that one by heart.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np

from benchmarks.provenance import RESULTS
from umind.cli.terminal import Progress
from umind.data.adapters.base import Adapter
from umind.data.adapters.registry import ADAPTERS, open_dataset
from umind.data.adapters.splits import TABLE
from umind.data.quality.fingerprint import fingerprint, twins
from umind.data.quality.reading import read_each

TWINS = RESULTS / "twins.csv"
ORDER = ("train", "val", "test")


@dataclass(frozen=True, order=True)
class Pair:
    """Two near-duplicates of one set in two splits.

    Args:
        dataset: Set.
        key: Image of the later split: test comes behind val, val behind train.
        split: Its split.
        twin: The other image.
        twin_split: Its split.
    """

    dataset: str
    key: str
    split: str
    twin: str
    twin_split: str


def crossing_pairs(adapter: Adapter) -> list[Pair]:
    """Pairs of a set that cross splits, sorted; images that cannot be read have no twin."""
    bar, records, bits = Progress(len(adapter)), [], []
    for reading in read_each(adapter, lambda done, _: bar.show(done)):
        if reading.sample is not None:
            records.append(reading.record)
            bits.append(fingerprint(reading.sample.image.grey))
    bar.clear()
    if not records:
        return []
    found = []
    for first, second, _ in twins(np.stack(bits)):
        early, late = sorted((records[first], records[second]), key=lambda record: ORDER.index(record.split))
        if early.split != late.split:
            found.append(Pair(adapter.name, late.key, late.split, early.key, early.split))
    return sorted(found)


def read_pairs(path: Path) -> Iterator[Pair]:
    """Lines of the table; none where there is no table."""
    if path.exists():
        with path.open(newline="", encoding="utf-8") as file:
            yield from (Pair(**row) for row in csv.DictReader(file))


def twins_of_training(path: Path = TWINS) -> Mapping[str, Collection[str]]:
    """Keys of the images that have a twin in train, by set; none where there is no table."""
    found: dict[str, set[str]] = defaultdict(set)
    for pair in read_pairs(path):
        if pair.twin_split == "train":
            found[pair.dataset].add(pair.key)
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Read every image of the sets with several splits, compare, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.twins", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--out", type=Path, default=TWINS, help="table to write")
    options = parser.parse_args(arguments)
    pairs = []
    for name in ADAPTERS:
        if (options.data / name / TABLE).is_file():
            adapter = open_dataset(options.data / name)
            found = crossing_pairs(adapter) if len({record.split for record in adapter.records}) > 1 else []
            known = {pair.key for pair in found if pair.twin_split == "train"}
            print(f"{name}: {len(found)} pairs, {len(known)} images with a twin in train")
            pairs += found
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with options.out.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(field.name for field in fields(Pair))
        rows.writerows(astuple(pair) for pair in pairs)
    print(f"written: {options.out}")


if __name__ == "__main__":
    main()
