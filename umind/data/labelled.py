"""An annotated image as training holds it: one square canvas and one label map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from numpy.typing import ArrayLike

from umind.geometry.frame import FrameMap
from umind.geometry.spacing import Spacing
from umind.processor.letterbox import letterbox
from umind.schema.sample import Exchange, Sample

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
        boxed: Number of further instances of each structure that are boxed and not outlined; empty when none is.
        stretch: True lengths over those of the masks.
    """

    dataset: str
    split: str
    key: str
    group: str
    organ: str
    structures: tuple[tuple[str, int, Mapping[str, str]], ...]
    absent: tuple[str, ...]
    attributes: Mapping[str, str]
    boxed: tuple[int, ...] = ()
    stretch: float = 1.0


@dataclass(frozen=True, eq=False)
class Labelled:
    """A canvas with its labels.

    Args:
        pixels: Grey canvas, ``(S, S)``.
        labels: 0 for background, k for the k-th instance, ``(S, S)``.
        facts: What else is known.
        boxes: xyxy in canvas pixels of the instances that are boxed and not outlined, through all structures, ``(B, 4)``; all
            zeros when it is out of view.
        keypoints: xy in canvas pixels of the marked points, through all structures and their names, ``(P, 2)``; NaN where one
            is not marked.
        spacing: Millimetres per canvas pixel; None when unknown.
        exchanges: Questions with their answers, as the set publishes them.
        report: Report of the image; empty when there is none.
    """

    pixels: UInt8[np.ndarray, "s s"]
    labels: UInt8[np.ndarray, "s s"]
    facts: Facts
    boxes: Float[np.ndarray, "b 4"] = field(default_factory=lambda: np.zeros((0, 4), np.float32), kw_only=True)
    keypoints: Float[np.ndarray, "p 2"] = field(default_factory=lambda: np.zeros((0, 2), np.float32), kw_only=True)
    spacing: Spacing | None = field(default=None, kw_only=True)
    exchanges: tuple[Exchange, ...] = field(default=(), kw_only=True)
    report: str = field(default="", kw_only=True)


def labelled(sample: Sample, size: int) -> Labelled:
    """Letterbox a sample to a square canvas; where instances overlap, the smaller one wins, of equal ones the later.

    Raises:
        ValueError: More instances than a label map of bytes can number.
    """
    masks = [mask for structure in sample.structures for mask in structure.masks]
    if len(masks) > MAX_INSTANCES:
        raise ValueError(f"{sample.key} has {len(masks)} instances; a label map holds {MAX_INSTANCES}")
    pixels, frame = letterbox(sample.image.grey, size)
    labels = np.zeros((size, size), np.uint8)
    for place in sorted(range(len(masks)), key=lambda place: -np.count_nonzero(masks[place])):
        share = cv2.warpAffine(masks[place].astype(np.float32), frame.matrix, (size, size), flags=cv2.INTER_LINEAR)
        labels[share >= 0.5] = place + 1
    structures = tuple((entry.name, len(entry.masks), dict(entry.attributes)) for entry in sample.structures)
    group = sample.patient or sample.group or sample.key
    numbers = tuple(len(structure.boxes) for structure in sample.structures)
    facts = Facts(
        sample.dataset,
        sample.split,
        sample.key,
        group,
        sample.organ,
        structures,
        sample.absent,
        dict(sample.attributes),
        numbers if any(numbers) else (),
        sample.stretch,
    )
    boxes = [box for structure in sample.structures for box in structure.boxes]
    points = [point for structure in sample.structures for named in structure.keypoints.values() for point in named]
    return Labelled(
        pixels,
        labels,
        facts,
        boxes=moved(boxes, frame).reshape(-1, 4),
        keypoints=moved(points, frame),
        spacing=scaled(sample.image.spacing, frame),
        exchanges=sample.exchanges,
        report=sample.report,
    )


def framed(item: Labelled, size: int) -> Labelled:
    """The same on a square canvas of another side."""
    pixels, frame = letterbox(item.pixels, size)
    return replace(
        item,
        pixels=pixels,
        labels=cv2.warpAffine(item.labels, frame.matrix, (size, size), flags=cv2.INTER_NEAREST),
        boxes=moved(item.boxes, frame).reshape(-1, 4),
        keypoints=moved(item.keypoints, frame),
        spacing=scaled(item.spacing, frame),
    )


def moved(positions: ArrayLike, frame: FrameMap) -> Float[np.ndarray, "p 2"]:
    """Positions xy, or corners of boxes one after the other, in the frame of the canvas."""
    points: Float[np.ndarray, "p 2"] = frame.to_model(np.reshape(positions, (-1, 2))).astype(np.float32)
    return points


def scaled(spacing: Spacing | None, frame: FrameMap) -> Spacing | None:
    """Millimetres per canvas pixel."""
    return Spacing(spacing.dy / frame.scale, spacing.dx / frame.scale) if spacing else None
