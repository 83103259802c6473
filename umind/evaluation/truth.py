"""What the annotation says to a phrase."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from umind.data.wording import FOCAL
from umind.geometry.boxes import boxes_of_masks
from umind.schema.sample import Sample, Structure

LESION = "lesion"
"""The word for all focal structures together."""


def masks_of(sample: Sample, phrase: str) -> Bool[np.ndarray, "n h w"]:
    """Instances of a canonical name, or of all focal structures for ``"lesion"``, largest first; none when it is absent."""
    masks = [structure.masks for structure in structures_of(sample, phrase)]
    if not masks:
        return np.zeros((0, sample.image.height, sample.image.width), bool)
    joined = np.concatenate(masks)
    largest_first: Bool[np.ndarray, "n h w"] = joined[np.argsort(-joined.sum((1, 2)), kind="stable")]
    return largest_first


def boxes_of(sample: Sample, phrase: str) -> Float[np.ndarray, "n 4"]:
    """Boxes xyxy of the instances, outlined or only boxed; ``(0, 4)`` when it is absent."""
    boxed = [structure.boxes for structure in structures_of(sample, phrase)]
    boxes: Float[np.ndarray, "n 4"] = np.concatenate([boxes_of_masks(masks_of(sample, phrase)), *boxed])
    return boxes


def is_outlined(sample: Sample, phrase: str) -> bool:
    """True when the phrase is there and every instance of it is outlined."""
    structures = structures_of(sample, phrase)
    return any(len(structure.masks) for structure in structures) and not any(len(structure.boxes) for structure in structures)


def structures_of(sample: Sample, phrase: str) -> list[Structure]:
    """Structures that a phrase means."""
    names = FOCAL if phrase == LESION else (phrase,)
    return [structure for structure in sample.structures if structure.name in names]
