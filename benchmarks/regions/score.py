"""Scores the models that lack a region on that region: ``python -m benchmarks.regions.score --data DIR``.

Beside each stands the model that saw everything and, where `benchmarks.regions.back` made one, the adapter that brought the
region back; of an adapter it is also said what it left of the other organs. With and without the region, words are scored too:
answers, reports and classes. Writes ``benchmarks/results/regions-<split>.json``;
a run on test adds a line to ``test_runs.csv``.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool

from benchmarks.cards import note_test_run, write_card
from benchmarks.images import Images, open_images
from benchmarks.peers.compare import Difference, compare
from benchmarks.provenance import RESULTS, provenance
from benchmarks.regions.region import REGIONS, WHOLE, Region, back
from benchmarks.regions.words import WordScore, evaluate_words
from benchmarks.side_by_side import kept_table, regions_table, words_table
from umind.evaluation.card import to_card
from umind.evaluation.interview import interview, unit_of_chance
from umind.evaluation.rows import mean_interval
from umind.evaluation.segmentation import SCORED, evaluate_segmentation
from umind.evaluation.suites import Together
from umind.evaluation.truth import is_outlined, masks_of
from umind.evaluation.verbs import Verbs
from umind.metrics.bootstrap import Interval
from umind.metrics.overlap import dice
from umind.predictor import UMindVL
from umind.schema.sample import Sample

Training = Literal["with", "without", "back"]
"""With the region, without it, or without it and then with an adapter on a few images of it."""


@dataclass(frozen=True)
class RegionScore:
    """One model on one region, asked in one word.

    Args:
        region: Name of the region.
        trained: Whether the model was trained with it.
        word: What was asked for.
        num_images: Images that show it, outlined.
        dice: Mean Dice of the best instance, whatever its presence, with its 95 % interval over patients.
    """

    region: str
    trained: Training
    word: str
    num_images: int
    dice: Interval


def main(arguments: Sequence[str] | None = None) -> None:
    """Score, write, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.regions.score", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--models", type=Path, default=Path("runs/regions"), help="what benchmarks.regions.train wrote")
    parser.add_argument("--split", choices=("val", "test"), default="val")
    parser.add_argument("--limit", type=int, help="most images of each set, a seeded choice")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder to write to")
    options = parser.parse_args(arguments)
    images = open_images(options.data, options.split, limit=options.limit)
    load = partial(UMindVL.from_pretrained, device=options.device)
    whole = load(options.models / WHOLE / "model")
    scores: list[RegionScore] = []
    words: list[WordScore] = []
    kept: dict[str, object] = {}
    for name, region in REGIONS.items():
        shown = Together([images.portions[place] for place in region.sets])
        without = load(options.models / name / "model")
        scores += evaluate(whole, shown, name, region, "with")
        scores += evaluate(without, shown, name, region, "without")
        words += evaluate_words(whole, without, shown, name)
        adapter = options.models / back(name) / "model"
        if adapter.exists():
            returned = load(options.models / name / "model", adapter=adapter)
            scores += evaluate(returned, shown, name, region, "back")
            kept[name] = to_card(abilities(returned, without, images, region))
    card: dict[str, Any] = provenance(options.device) | images.facts
    card |= {"model": "regions", "regions": to_card(scores), "words": to_card(words), "kept": kept}
    if options.split == "test":
        note_test_run(options.results / "test_runs.csv", card)
    name = f"regions-{options.split}" if options.limit is None else f"regions-{options.split}-limit-{options.limit}"
    tables = (regions_table(card), words_table(card), *(kept_table(card, region) for region in kept))
    print("\n\n".join((*tables, f"written: {write_card(options.results, name, card)}")))


def evaluate(model: Verbs, samples: Together, name: str, region: Region, trained: Training) -> Iterator[RegionScore]:
    """Ask a model for a region in each of its words."""
    shown = [sample for sample in samples if is_outlined(sample, region.phrase)]
    overlaps = overlaps_of(model, shown, region)
    units = [unit_of_chance(sample) for sample in shown]
    for word, values in overlaps.items():
        yield RegionScore(name, trained, word, len(shown), mean_interval(values, units))


def abilities(model: Verbs, before: Verbs, images: Images, region: Region) -> tuple[Difference, ...]:
    """Masks of all that was known before a region came back: a model against the one that it was, at the usual threshold."""
    known = Together([portion for place, portion in images.portions.items() if place not in region.sets])
    phrases = tuple(phrase for phrase in SCORED if phrase != region.phrase)
    after, was = (evaluate_segmentation(one, known, phrases=phrases) for one in (model, before))
    return compare(after, was)


def overlaps_of(model: Verbs, samples: Sequence[Sample], region: Region) -> Mapping[str, list[float]]:
    """Dice of the best instance for each word, image by image."""
    found: dict[str, list[float]] = {word: [] for word in region.words}
    ask = partial(model.segment, threshold=0)
    for sample, word, result in interview(model, samples, lambda _: region.words, ask):
        truth: Bool[np.ndarray, "h w"] = np.any(masks_of(sample, region.phrase), axis=0)
        found[word].append(dice(result.masks[0], truth))
    return found


if __name__ == "__main__":
    main()
