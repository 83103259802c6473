"""An annotated image as training holds it: one square canvas and one label map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import UInt8

from umind.processor.letterbox import letterbox
from umind.schema.sample import Sample

MAX_INSTANCES = 255


@dataclass(frozen=True)
class Facts:
    """What is known of an image besides its pixels; JSON-safe.

    Args:
        dataset: Name of the set.
        split: train, val or test.
        key: Identifier inside the set.
        group: Patient, else group of near-duplicates.
        organ: What is scanned.
        structures: ``(name, number of instances, attributes)``; the label map numbers instances through all of them.
        absent: Canonical names known not to be there.
        attributes: Facts about the whole image.
    """

    dataset: str
    split: str
    key: str
    group: str
    organ: str
    structures: tuple[tuple[str, int, Mapping[str, str]], ...]
    absent: tuple[str, ...]
    attributes: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Labelled:
    """A canvas with its labels.

    Args:
        pixels: Grey canvas, ``(S, S)``.
        labels: 0 for background, k for the k-th instance, ``(S, S)``.
        facts: What else is known.
    """

    pixels: UInt8[np.ndarray, "s s"]
    labels: UInt8[np.ndarray, "s s"]
    facts: Facts


def labelled(sample: Sample, size: int) -> Labelled:
    """Letterbox a sample to a square canvas; where instances overlap, the later one wins.

    Raises:
        ValueError: More instances than a label map of bytes can number.
    """
    if (total := sum(len(structure.masks) for structure in sample.structures)) > MAX_INSTANCES:
        raise ValueError(f"{sample.key} has {total} instances; a label map holds {MAX_INSTANCES}")
    pixels, frame = letterbox(sample.image.grey, size)
    labels = np.zeros((size, size), np.uint8)
    number = 0
    structures = []
    for structure in sample.structures:
        for mask in structure.masks:
            number += 1
            share = cv2.warpAffine(mask.astype(np.float32), frame.matrix, (size, size), flags=cv2.INTER_LINEAR)
            labels[share >= 0.5] = number
        structures.append((structure.name, len(structure.masks), dict(structure.attributes)))
    group = sample.patient or sample.group or sample.key
    facts = Facts(
        sample.dataset, sample.split, sample.key, group, sample.organ, tuple(structures), sample.absent, dict(sample.attributes)
    )
    return Labelled(pixels, labels, facts)
