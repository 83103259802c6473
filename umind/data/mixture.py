"""A weighted mixture of stores as one endless, seeded stream: example ``i`` depends on the seed and on ``i`` alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

import numpy as np
from jaxtyping import Float
from torch.utils.data import Dataset, DistributedSampler

from umind.data.augment import augment, build_augmentation
from umind.data.examples import Example, build_example
from umind.data.labelled import Facts, Labelled, framed
from umind.data.lesion_free import beside_lesion
from umind.data.store import Store

LESION_FREE = 0.1
"""Share of the images of lesions that are shown without, where there is enough tissue beside."""


def image_odds(facts: Sequence[Facts]) -> Float[np.ndarray, "n"]:
    """How often each image of a set is drawn.

    Alike, but where a set has more than two classes: there a class is drawn by the root of its number of images (Mahajan et
    al., ECCV 2018), lest the rare ones stay unknown. Of two, the probabilities are to be true for the set as it is.
    """
    kinds = [class_of(entry) for entry in facts]
    counts = Counter(kinds)
    if len(counts.keys() - {""}) <= 2:
        return np.full(len(kinds), 1 / len(kinds))
    weights = np.array([counts[kind] ** -0.5 for kind in kinds])
    odds: Float[np.ndarray, "n"] = weights / weights.sum()
    return odds


def class_of(facts: Facts) -> str:
    """Class of an image's first structure that has one, or what it has instead."""
    kinds = (attributes["class"] for _, _, attributes in facts.structures if "class" in attributes)
    return next(kinds, facts.attributes.get("class", ""))


class Mixture(Dataset[Example]):
    """Draws a store by weight, and an image of it by `image_odds`.

    Args:
        stores: What to draw from.
        weights: Relative share of each store.
        size: Side of the model frame.
        seed: Decides everything.
        augmented: Random views; the plain canvas otherwise.
        unheard: Names that nothing is asked about.
    """

    def __init__(
        self,
        stores: Sequence[Store],
        weights: Sequence[float],
        *,
        size: int,
        seed: int,
        augmented: bool = True,
        unheard: Collection[str] = (),
    ) -> None:
        self.stores = stores
        self.shares = np.asarray(weights, np.float64) / np.sum(weights)
        self.odds = [image_odds(store.facts) for store in stores]
        self.size = size
        self.seed = seed
        self.unheard = frozenset(unheard)
        self.transform = build_augmentation() if augmented else None

    def __getitem__(self, index: int) -> Example:
        rng = np.random.default_rng((self.seed, index))
        drawn = int(rng.choice(len(self.stores), p=self.shares))
        store = self.stores[drawn]
        item = store[int(rng.choice(len(store), p=self.odds[drawn]))]
        if self.transform is None:
            return view_example(item, self.size, rng, self.unheard)
        if rng.random() < LESION_FREE:
            item = beside_lesion(item, rng) or item
        return view_example(augment(item, self.transform, rng), self.size, rng, self.unheard)


class Walk(Dataset[Example]):
    """Items of some stores once, plain, with seeded questions; for validation.

    Args:
        stores: What to walk through.
        size: Side of the model frame.
        seed: Decides the choice and the questions.
        limit: Most images of each store; all when None.
        unheard: Names that nothing is asked about.
    """

    def __init__(
        self, stores: Sequence[Store], *, size: int, seed: int, limit: int | None, unheard: Collection[str] = ()
    ) -> None:
        rng = np.random.default_rng(seed)
        places = [(store, k) for store in stores for k in sorted(rng.permutation(len(store))[:limit])]
        self.places = places
        self.size = size
        self.seed = seed
        self.unheard = frozenset(unheard)

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: int) -> Example:
        store, place = self.places[index]
        return view_example(store[place], self.size, np.random.default_rng((self.seed, index)), self.unheard)


class Onward(DistributedSampler[int]):
    """Numbers of a stream's examples, an epoch after the other: resuming a stream is starting later.

    Its length is that of a whole epoch also where the first one starts late: Lightning counts on from the batch where it
    stopped, and takes the length of training, and with it the learning rate, from here. Processes deal the stream out in turn,
    so that their batches together are the examples that one process would take; Lightning leaves a `DistributedSampler` at
    that, and would shuffle any other and never tell it of epochs.

    Args:
        start: First example, of all processes.
        length: Examples in an epoch, of all processes.
        rank: Which process this is.
        num_ranks: How many there are; ``start`` and ``length`` are multiples of it.
    """

    def __init__(self, start: int, length: int, *, rank: int = 0, num_ranks: int = 1) -> None:
        assert start % num_ranks == length % num_ranks == 0
        self.start, self.length, self.rank, self.num_ranks = start, length, rank, num_ranks
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        epoch = max(self.epoch, self.start // self.length)
        first = max(self.start, epoch * self.length)
        return iter(range(first + self.rank, (epoch + 1) * self.length, self.num_ranks))

    def __len__(self) -> int:
        return self.length // self.num_ranks


def view_example(item: Labelled, size: int, rng: np.random.Generator, unheard: frozenset[str] = frozenset()) -> Example:
    """A canvas brought to the model frame, and asked."""
    return build_example(framed(item, size), rng, unheard=unheard)
