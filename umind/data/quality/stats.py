"""What a data set holds, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

import numpy as np

from umind.data.adapters.registry import open_dataset
from umind.data.quality.reading import Watch, read_each, silent
from umind.schema.sample import Sample


@dataclass(frozen=True)
class Held:
    """How often a structure is there.

    Args:
        images: Images that hold it.
        outlined: Instances with a mask.
        boxed: Instances with a box alone.
        absent: Images that are said not to hold it.
    """

    images: int = 0
    outlined: int = 0
    boxed: int = 0
    absent: int = 0


@dataclass(frozen=True, eq=False)
class Statistics:
    """Counts over the images of a set that can be read.

    Args:
        name: Name of the folder.
        licence: As the set says it.
        unreadable: Images that cannot be read or are left out.
        organs: Images of each organ; empty name where the set says none.
        splits: Images of each split.
        patients: Patients of each split; empty when the set names none.
        structures: By name.
        classes: Images by what their ``class`` is said to be, with the structure that has it.
        languages: Exchanges by language.
        reports: Images with a report.
        sides: Longer side of each image in pixels.
        spacings: Millimetres per pixel of each image that has a scale, mean of both directions.
        instances: Instances in each image.
        areas: Share of its image that each outlined instance covers.
    """

    name: str
    licence: str
    unreadable: int
    organs: Mapping[str, int] = field(default_factory=dict, kw_only=True)
    splits: Mapping[str, int] = field(default_factory=dict, kw_only=True)
    patients: Mapping[str, int] = field(default_factory=dict, kw_only=True)
    structures: Mapping[str, Held] = field(default_factory=dict, kw_only=True)
    classes: Mapping[str, int] = field(default_factory=dict, kw_only=True)
    languages: Mapping[str, int] = field(default_factory=dict, kw_only=True)
    reports: int = field(default=0, kw_only=True)
    sides: tuple[int, ...] = field(default=(), kw_only=True)
    spacings: tuple[float, ...] = field(default=(), kw_only=True)
    instances: tuple[int, ...] = field(default=(), kw_only=True)
    areas: tuple[float, ...] = field(default=(), kw_only=True)

    @property
    def num_images(self) -> int:
        """Images that can be read."""
        return len(self.sides)


class Spread(TypedDict):
    """Least, middle and greatest of some numbers."""

    least: float
    median: float
    greatest: float


def spread(numbers: Iterable[float]) -> Spread | None:
    """Least, median and greatest number; None without any."""
    values = np.array(list(numbers), np.float64)
    return (
        Spread(least=float(values.min()), median=float(np.median(values)), greatest=float(values.max()))
        if len(values)
        else None
    )


def count(root: Path, watch: Watch = silent) -> Statistics:
    """Read every image of a folder and count what is there.

    Args:
        root: Folder of a data set.
        watch: Called after each image.

    Raises:
        ValueError: The folder is of no known set or format.
    """
    adapter = open_dataset(root)
    samples: list[Counted] = []
    unreadable = len(adapter.skipped)
    for reading in read_each(adapter, watch):
        if reading.sample is None:
            unreadable += 1
        else:
            samples.append(counted(reading.sample))
    names = dict.fromkeys(name for sample in samples for name in sample.held)
    people = {(sample.split, sample.patient) for sample in samples if sample.patient is not None}
    return Statistics(
        root.absolute().name,
        adapter.licence,
        unreadable,
        organs=dict(Counter(sample.organ for sample in samples)),
        splits=dict(Counter(sample.split for sample in samples)),
        patients=dict(Counter(split for split, _ in people)),
        structures={name: total(sample.held[name] for sample in samples if name in sample.held) for name in names},
        classes=dict(Counter(label for sample in samples for label in sample.classes)),
        languages=dict(Counter(language for sample in samples for language in sample.languages)),
        reports=sum(sample.reported for sample in samples),
        sides=tuple(sample.side for sample in samples),
        spacings=tuple(sample.spacing for sample in samples if sample.spacing is not None),
        instances=tuple(sum(held.outlined + held.boxed for held in sample.held.values()) for sample in samples),
        areas=tuple(area for sample in samples for area in sample.areas),
    )


@dataclass(frozen=True, eq=False)
class Counted:
    """What is kept of one image."""

    split: str
    patient: str | None
    organ: str
    held: Mapping[str, Held]
    classes: tuple[str, ...]
    languages: tuple[str, ...]
    reported: bool
    side: int
    spacing: float | None
    areas: tuple[float, ...]


def counted(sample: Sample) -> Counted:
    """Counts of one image."""
    held = {name: Held(absent=1) for name in sample.absent}
    held |= {s.name: Held(int(len(s.masks) + len(s.boxes) > 0), len(s.masks), len(s.boxes)) for s in sample.structures}
    labels = [f"{s.name}: {s.attributes['class']}" for s in sample.structures if "class" in s.attributes]
    if "class" in sample.attributes:
        labels.append(f"{sample.organ or 'image'}: {sample.attributes['class']}")
    spacing = sample.image.spacing
    return Counted(
        sample.split,
        sample.patient,
        sample.organ,
        held,
        tuple(labels),
        tuple(exchange.language for exchange in sample.exchanges),
        bool(sample.report),
        max(sample.image.width, sample.image.height),
        (spacing.dy + spacing.dx) / 2 if spacing else None,
        tuple(float(mask.mean()) for structure in sample.structures for mask in structure.masks),
    )


def total(parts: Iterable[Held]) -> Held:
    """Sum over images."""
    found = list(parts)
    return Held(
        sum(held.images for held in found),
        sum(held.outlined for held in found),
        sum(held.boxed for held in found),
        sum(held.absent for held in found),
    )
