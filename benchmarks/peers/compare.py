"""Two models on the same images: ``python -m benchmarks.peers.compare --data DIR --split val OURS.tsv PEERS.tsv``.

Reads the predictions that `benchmarks.run` and `benchmarks.peers.score` kept, and asks no model. `benchmarks.run` calls it
where there are specialists. A card alone cannot be compared: it holds means, and pairs want cases. Prints a table, and writes
``<results>/compared-<split>.json``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cards import card_name, write_card
from benchmarks.images import Images, open_images
from benchmarks.peers.organs import ORGANS
from benchmarks.provenance import RESULTS, provenance
from benchmarks.side_by_side import comparison_table
from umind.evaluation.card import to_card
from umind.evaluation.predictions import Predictions
from umind.evaluation.rows import ALL
from umind.evaluation.segmentation import SegmentationCase, SegmentationScore, evaluate_segmentation
from umind.metrics.bootstrap import Interval, bootstrap_difference

PHRASES = tuple(organ.phrase for organ in ORGANS.values())


@dataclass(frozen=True)
class Difference:
    """Mean Dice of two models over the same images of one set that show a structure.

    Args:
        dataset: Set.
        phrase: What was asked for.
        num_images: Images; a structure that was missed counts as 0.
        num_better: Images where the first model's Dice is the higher one.
        num_worse: Images where it is the lower one.
        first: Mean Dice of the first model.
        second: Mean Dice of the second model.
        difference: First minus second, with its paired 95 % interval over patients.
    """

    dataset: str
    phrase: str
    num_images: int
    num_better: int
    num_worse: int
    first: float
    second: float
    difference: Interval


def compare(first: Sequence[SegmentationScore], second: Sequence[SegmentationScore]) -> tuple[Difference, ...]:
    """Differences set by set and phrase by phrase, in the order of the first model's scores.

    Raises:
        ValueError: The two were not scored on the same images.
    """
    others = {(score.dataset, score.phrase): score for score in second}
    if [*others.keys() ^ {(score.dataset, score.phrase) for score in first}]:
        raise ValueError("the two models were scored on different sets or phrases")
    return tuple(difference(score.cases, others[score.dataset, score.phrase].cases) for score in first if score.dataset != ALL)


def difference(first: Sequence[SegmentationCase], second: Sequence[SegmentationCase]) -> Difference:
    """Difference on one set and phrase; cases are paired by their image.

    Raises:
        ValueError: One has an image that the other lacks.
    """
    dataset, phrase = first[0].dataset, first[0].phrase
    by_key = {case.key: case for case in second}
    if len(first) != len(second) or by_key.keys() != {case.key for case in first}:
        raise ValueError(f"{dataset}, {phrase}: the two models were scored on different images")
    ours, theirs = np.array([case.dice for case in first]), np.array([by_key[case.key].dice for case in first])
    return Difference(
        dataset,
        phrase,
        num_images=len(first),
        num_better=int((ours > theirs).sum()),
        num_worse=int((ours < theirs).sum()),
        first=float(ours.mean()),
        second=float(theirs.mean()),
        difference=bootstrap_difference(
            lambda rows: float(ours[rows].mean()), lambda rows: float(theirs[rows].mean()), [case.unit for case in first]
        ),
    )


def compare_kept(
    images: Images, files: tuple[Path, Path], names: tuple[str, str], results: Path, *, phrases: Sequence[str] = PHRASES
) -> None:
    """Compare two models by their answers, write, print.

    Args:
        images: What they were asked about.
        files: Answers of the two.
        names: What the two are called.
        results: Folder to write to.
        phrases: What to compare.

    Raises:
        MissingPredictionError: A file lacks an answer.
    """
    first, second = (evaluate_segmentation(Predictions(path), images.samples, phrases=phrases) for path in files)
    card: dict[str, Any] = provenance() | {"models": list(names)} | images.facts
    card["differences"] = to_card(compare(first, second))
    name = card_name(f"compared-{images.split}", limit=images.limit, with_twins=images.with_twins)
    path = write_card(results, name, card)
    print(f"{comparison_table(card)}\n\nwritten: {path}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare two files."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers.compare", description=__doc__)
    parser.add_argument("predictions", type=Path, nargs=2, help="files of answers of the two models")
    parser.add_argument("--names", nargs=2, default=("umind-tiny", "specialists"), help="what the two are called")
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--split", choices=("val", "test"), default="val")
    parser.add_argument("--limit", type=int, help="most images of each set, as in the runs that are compared")
    parser.add_argument("--phrases", nargs="+", default=PHRASES, help="what to compare (default: what has a specialist)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder to write to")
    options = parser.parse_args(arguments)
    images = open_images(options.data, options.split, limit=options.limit)
    first, second = options.predictions
    compare_kept(images, (first, second), tuple(options.names), options.results, phrases=options.phrases)


if __name__ == "__main__":
    main()
