"""Faults of a data set: what cannot be read, what contradicts itself, and what stands on both sides of a division."""

from __future__ import annotations

import hashlib
import warnings
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TypeVar

import numpy as np
from jaxtyping import UInt64

from umind.data.adapters.absence import ABSENT
from umind.data.adapters.base import Adapter
from umind.data.adapters.files import read_csv
from umind.data.adapters.registry import open_dataset
from umind.data.adapters.splits import TABLE, Record
from umind.data.quality.fingerprint import fingerprint, twins, unite
from umind.data.quality.reading import UNREADABLE, Watch, read_each, silent
from umind.schema.sample import Sample

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
Kind = Literal[
    "unknown set",
    "unreadable",
    "left out",
    "mask size",
    "empty label",
    "outside the image",
    "contradiction",
    "image in two splits",
    "patient in two splits",
    "group in two splits",
    "twins in two splits",
    "duplicate",
    "near-duplicate",
    "no patients",
    "no splits",
]
NOTES: tuple[Kind, ...] = ("near-duplicate", "no patients", "no splits")
"""Kinds that a user should know of, and that are no faults: they make no figure wrong by themselves."""
SIGNS: Mapping[str, Kind] = MappingProxyType({"for an image of": "mask size", "empty mask": "empty label"})
"""Kind of a reason that an adapter gives for refusing an image, by words in it; every other is "unreadable"."""


@dataclass(frozen=True)
class Finding:
    """Something that a person should look at.

    Args:
        kind: What is wrong.
        keys: Images that it concerns; empty when it is the whole set.
        reason: In words.
    """

    kind: Kind
    keys: tuple[str, ...]
    reason: str

    @property
    def is_fault(self) -> bool:
        """Whether it spoils training or figures; else it is a note."""
        return self.kind not in NOTES


@dataclass(frozen=True)
class Inspection:
    """What was found in a folder.

    Args:
        folder: Which.
        format: Name of the set or of the format that was recognised; empty when none was.
        num_images: Images that could be read.
        findings: In the order of their kinds.
    """

    folder: Path
    format: str
    num_images: int
    findings: tuple[Finding, ...]

    @property
    def faults(self) -> tuple[Finding, ...]:
        """The findings that are no mere notes."""
        return tuple(finding for finding in self.findings if finding.is_fault)


@dataclass(frozen=True, eq=False)
class Seen:
    """What is kept of an image to compare it with the others.

    Args:
        record: Which image.
        digest: Of its pixels.
        bits: Its fingerprint.
        classes: Values of ``class`` that are said of it or of what is in it.
        present: Names of its structures.
        absent: Names that its own annotation says are not there.
    """

    record: Record
    digest: bytes
    bits: UInt64[np.ndarray, "4"]
    classes: frozenset[str]
    present: frozenset[str]
    absent: frozenset[str]


def inspect(root: Path, watch: Watch = silent) -> Inspection:
    """Read every image of a folder and list what is wrong; nothing in it makes this fail.

    Args:
        root: Folder of a data set.
        watch: Called after each image.
    """
    findings: list[Finding] = [*repeated_rows(root)]
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            adapter = open_dataset(root)
    except UNREADABLE as error:
        return Inspection(root, "", 0, (*findings, Finding("unknown set", (), str(error))))
    findings += [Finding("no splits", (), str(warning.message)) for warning in said]
    findings += [Finding("left out", (key,), reason) for key, reason in adapter.skipped]
    seen: list[Seen] = []
    for reading in read_each(adapter, watch):
        if reading.sample is None:
            findings.append(Finding(kind_of(reading.reason), (reading.record.key,), reading.reason))
        else:
            findings += own_faults(reading.sample)
            seen.append(see(reading.record, reading.sample))
    findings += [*crossings(adapter), *alike(seen)]
    return Inspection(root, adapter.name, len(seen), tuple(findings))


def repeated_rows(root: Path) -> Iterator[Finding]:
    """Images that the table of splits names more than once."""
    if not (root / TABLE).is_file():
        return
    try:
        rows = read_csv(root / TABLE)
    except UNREADABLE:
        return
    parts = grouped((row.get("image") or "", row.get("split") or "") for row in rows)
    yield from (
        Finding("image in two splits", (key,), f"{TABLE} names it {len(splits)} times: {', '.join(splits)}")
        for key, splits in parts.items()
        if len(splits) > 1
    )


def kind_of(reason: str) -> Kind:
    """Kind of the reason for which an image was refused."""
    return next((kind for words, kind in SIGNS.items() if words in reason), "unreadable")


def own_faults(sample: Sample) -> Iterator[Finding]:
    """Faults that an image shows by itself: empty labels, and boxes or points beyond its edges."""
    said = (*sample.structures, *sample.attributes, *sample.measurements, *sample.exchanges, *own_absent(sample))
    if not said and not sample.report:
        yield Finding("empty label", (sample.key,), "nothing is said of the image")
    width, height = sample.image.width, sample.image.height
    for structure in sample.structures:
        if not (len(structure.masks) or len(structure.boxes)) or not structure.masks.any((1, 2)).all():
            yield Finding("empty label", (sample.key,), f"{structure.name} without a pixel")
        if not ((structure.boxes >= 0) & (structure.boxes <= [width, height, width, height])).all():
            yield Finding("outside the image", (sample.key,), f"box of {structure.name} beyond {width} x {height}")
        for name, points in structure.keypoints.items():
            if ((points < 0) | (points > [width, height])).any():
                yield Finding("outside the image", (sample.key,), f"{name} of {structure.name} beyond {width} x {height}")


def own_absent(sample: Sample) -> frozenset[str]:
    """Names that the image's annotation says are not there, without those that its set rules out for all."""
    return frozenset(sample.absent) - set(ABSENT.get(sample.dataset, ()))


def see(record: Record, sample: Sample) -> Seen:
    """What is kept of a sample."""
    described = (sample.attributes, *(structure.attributes for structure in sample.structures))
    return Seen(
        record,
        hashlib.sha256(repr(sample.image.pixels.shape).encode() + sample.image.pixels.tobytes()).digest(),
        fingerprint(sample.image.grey),
        frozenset(attributes["class"] for attributes in described if "class" in attributes),
        frozenset(structure.name for structure in sample.structures),
        own_absent(sample),
    )


def crossings(adapter: Adapter) -> Iterator[Finding]:
    """Patients and groups with images in several splits, and sets that name no patients."""
    records = adapter.records
    patients = grouped((record.patient, record) for record in records if record.patient is not None)
    groups = grouped((record.group, record) for record in records)
    sides: tuple[tuple[Kind, Mapping[str, list[Record]]], ...] = (
        ("patient in two splits", patients),
        ("group in two splits", groups),
    )
    for kind, members in sides:
        for name, found in members.items():
            splits = sorted({record.split for record in found})
            if len(splits) > 1:
                yield Finding(kind, tuple(record.key for record in found), f"{name}: {', '.join(splits)}")
    if records and not patients:
        yield Finding("no patients", (), "the set names none, so one person's images may be in several splits")


def alike(seen: Sequence[Seen]) -> Iterator[Finding]:
    """Duplicates and near-duplicates, and what is said differently of them."""
    if not seen:
        return
    pairs = [(int(first), int(second), int(bits)) for first, second, bits in twins(np.stack([image.bits for image in seen]))]
    same = [(first, second) for first, second, _ in pairs if seen[first].digest == seen[second].digest]
    for first, second, bits in pairs:
        reason = contradiction(seen[first], seen[second])
        if reason:
            keys = (seen[first].record.key, seen[second].record.key)
            yield Finding("contradiction", keys, f"{reason} ({bits} of 256 bits apart)")
    for members in clusters(len(seen), same):
        yield Finding("duplicate", keys_of(seen, members), f"the same pixels, in {splits_of(seen, members)}")
    for members in clusters(len(seen), [(first, second) for first, second, _ in pairs]):
        if len({seen[index].record.split for index in members}) > 1:
            yield Finding("twins in two splits", keys_of(seen, members), f"near-duplicates in {splits_of(seen, members)}")
        elif len({seen[index].digest for index in members}) > 1:
            known = len({seen[index].record.group for index in members}) == 1
            reason = f"in {splits_of(seen, members)}, {'of one group' if known else 'of several groups'}"
            yield Finding("near-duplicate", keys_of(seen, members), reason)


def contradiction(first: Seen, second: Seen) -> str:
    """How the labels of two images that look alike exclude one another; empty when they do not."""
    if first.classes and second.classes and not first.classes & second.classes:
        return f"{', '.join(sorted(first.classes))} and {', '.join(sorted(second.classes))}"
    denied = (first.present & second.absent) | (second.present & first.absent)
    return f"{', '.join(sorted(denied))} present and absent" if denied else ""


def clusters(count: int, pairs: Sequence[tuple[int, int]]) -> Iterable[list[int]]:
    """Groups of two or more things that pairs join."""
    groups = grouped((leader, index) for index, leader in enumerate(unite(count, pairs)))
    return [members for members in groups.values() if len(members) > 1]


def keys_of(seen: Sequence[Seen], members: Iterable[int]) -> tuple[str, ...]:
    """Keys of images by their numbers."""
    return tuple(seen[index].record.key for index in members)


def splits_of(seen: Sequence[Seen], members: Iterable[int]) -> str:
    """Splits of images by their numbers, as words."""
    return ", ".join(sorted({seen[index].record.split for index in members}))


def grouped(items: Iterable[tuple[K, V]]) -> dict[K, list[V]]:
    """Values by key, in order."""
    groups: dict[K, list[V]] = defaultdict(list)
    for key, value in items:
        groups[key].append(value)
    return groups
