"""The text that the tokenizer learns its merges from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from umind.data.mixture import view_example
from umind.data.store import Store
from umind.data.wording import MEASURES, WORDINGS, plural


def corpus(stores: Sequence[Store], *, num_examples: int, size: int, seed: int) -> Iterator[str]:
    """Every wording, then the questions and responses of random examples; the same for the same arguments."""
    for phrases in (*WORDINGS.values(), *MEASURES.values()):
        for phrase in phrases:
            yield phrase
            yield plural(phrase)
    rng = np.random.default_rng(seed)
    for _ in range(num_examples):
        store = stores[int(rng.integers(len(stores)))]
        for block in view_example(store[int(rng.integers(len(store)))], size, rng).blocks:
            yield block.query
            yield block.response or ""
