"""Putting questions to a model over many samples: every image is encoded once, every question gets its answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Protocol

import numpy as np

from umind.evaluation.verbs import Verbs
from umind.schema.sample import Sample

BATCH = 8
"""Images that are encoded together."""

Verb = Callable[..., Any]
"""Encoded images and as many phrases in, as many results out: a verb of `UMindVL`, perhaps with its threshold bound."""


def interview(
    model: Verbs, samples: Iterable[Sample], phrases: Callable[[Sample], Sequence[str]], verb: Verb
) -> Iterator[tuple[Sample, str, Any]]:
    """Ask every sample its phrases, and give each question with its result, in order.

    Args:
        model: Encodes the images.
        samples: Read a batch at a time.
        phrases: What to ask of a sample; it may be nothing.
        verb: How to ask.

    Raises:
        ValueError: The verb gave another number of results than it was asked questions.
    """
    waiting = iter(samples)
    while batch := list(islice(waiting, BATCH)):
        questions = [(index, phrase) for index, sample in enumerate(batch) for phrase in phrases(sample)]
        if not questions:
            continue
        wanted = sorted({index for index, _ in questions})
        seen = dict(zip(wanted, model.encode([batch[index].image for index in wanted]), strict=True))
        results = verb([seen[index] for index, _ in questions], [phrase for _, phrase in questions])
        if len(results) != len(questions):
            raise ValueError(f"{len(questions)} questions and {len(results)} results: an answer was dropped")
        for (index, phrase), result in zip(questions, results, strict=True):
            yield batch[index], phrase, result


class Readable(Protocol):
    """What an adapter can do: tell its length, read one sample."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...


class Portion:
    """A seeded part of a data set, in the order of the set; it can be walked many times.

    Args:
        source: Adapter, or list of samples.
        limit: Most samples; all when None.
        seed: Decides which.
        num_left_out: Samples of the set that the source was opened without.
    """

    def __init__(self, source: Readable, limit: int | None = None, seed: int = 0, *, num_left_out: int = 0) -> None:
        order = np.random.default_rng(seed).permutation(len(source))
        self.source = source
        self.num_left_out = num_left_out
        self.places = sorted(order[:limit].tolist())

    def __len__(self) -> int:
        return len(self.places)

    def __iter__(self) -> Iterator[Sample]:
        return (self.source[place] for place in self.places)


def unit_of_chance(sample: Sample) -> str:
    """What the bootstrap draws: the patient, else the group of near-duplicates, else the image; set by set."""
    return f"{sample.dataset}/{sample.patient or sample.group or sample.key}"
