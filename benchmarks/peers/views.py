"""What a specialist learns from: umind-tiny's views of the stores, with one mask instead of questions."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Bool, UInt8
from torch.utils.data import Dataset

from umind.data.augment import augment, build_augmentation
from umind.data.examples import observe
from umind.data.labelled import Labelled
from umind.data.lesion_free import beside_lesion
from umind.data.mixture import LESION_FREE
from umind.data.store import Store
from umind.processor.letterbox import letterbox

View = tuple[UInt8[np.ndarray, "s s"], Bool[np.ndarray, "s s"]]
"""Grey model frame, and the mask of the structure in it."""


class Views(Dataset[View]):
    """A seeded stream as `umind.data.mixture.Mixture`: view ``i`` depends on the seed and on ``i`` alone.

    Args:
        stores: What to draw from.
        weights: Relative share of each store.
        phrase: Canonical name of the structure.
        size: Side of the model frame.
        seed: Decides everything.
    """

    def __init__(self, stores: Sequence[Store], weights: Sequence[float], phrase: str, *, size: int, seed: int) -> None:
        self.stores, self.phrase, self.size, self.seed = stores, phrase, size, seed
        self.shares = np.asarray(weights, np.float64) / np.sum(weights)
        self.transform = build_augmentation()

    def __getitem__(self, index: int) -> View:
        rng = np.random.default_rng((self.seed, index))
        store = self.stores[rng.choice(len(self.stores), p=self.shares)]
        item = store[int(rng.integers(len(store)))]
        if rng.random() < LESION_FREE:
            item = beside_lesion(item, rng) or item
        return view_of(augment(item, self.transform, rng), self.phrase, self.size)


def view_of(item: Labelled, phrase: str, size: int) -> View:
    """A canvas brought to the model frame, and the union of the structure's instances; empty when it is absent."""
    pixels, frame = letterbox(item.pixels, size)
    labels = cv2.warpAffine(item.labels, frame.matrix, (size, size), flags=cv2.INTER_NEAREST)
    union: Bool[np.ndarray, "s s"] = np.any(observe(Labelled(pixels, labels, item.facts)).masks(phrase), axis=0)
    return pixels, union
