"""What the annotation says to a phrase."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool

from umind.data.wording import FOCAL
from umind.schema.sample import Sample

LESION = "lesion"
"""The word for all focal structures together."""


def masks_of(sample: Sample, phrase: str) -> Bool[np.ndarray, "n h w"]:
    """Instances of a canonical name, or of all focal structures for ``"lesion"``, largest first; none when it is absent."""
    names = FOCAL if phrase == LESION else (phrase,)
    masks = [structure.masks for structure in sample.structures if structure.name in names]
    if not masks:
        return np.zeros((0, sample.image.height, sample.image.width), bool)
    joined = np.concatenate(masks)
    largest_first: Bool[np.ndarray, "n h w"] = joined[np.argsort(-joined.sum((1, 2)), kind="stable")]
    return largest_first
