"""Scores a model on a split of the data sets, and on phantoms: ``python -m benchmarks.run --data DIR --split val``.

Answers are kept in ``benchmarks/predictions``, apart for each checksum of model and code: what is there is not asked again, so
an interrupted run goes on. Writes ``benchmarks/results/<split>.json`` (``phantoms.json`` without data; a run that is not of all
images says so in its name) and prints tables. Images with a twin in train are left out. Peers that have been trained are scored
on the same images. Every run on test adds a line to ``benchmarks/results/test_runs.csv``: test is for reporting; the list shows
how often.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.cards import card_name, note_test_run, write_card
from benchmarks.images import Images, open_images
from benchmarks.peers.beside import Sources, score_beside
from benchmarks.provenance import PREDICTIONS, RESULTS, answering_code, checksum, provenance
from umind.checkpoint import locate
from umind.evaluation.card import to_card
from umind.evaluation.phantoms import FIRST_SEED, draw_phantoms, evaluate_phantoms
from umind.evaluation.predictions import Predictions
from umind.evaluation.suites import GROUPS, run_suites
from umind.evaluation.tables import card_tables
from umind.evaluation.verbs import Verbs
from umind.predictor import UMindVL


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of the data sets; phantoms only when not given")
    parser.add_argument("--split", choices=("val", "test"), default="val")
    parser.add_argument("--model", type=Path, help="folder of a model; umind-tiny, which is embedded, when not given")
    parser.add_argument("--limit", type=int, help="most images of each set, a seeded choice")
    parser.add_argument("--with-twins", action="store_true", help="score images with a near-duplicate in train too")
    parser.add_argument("--phantoms", type=int, default=200, help="how many phantoms, none with 0 (default: 200)")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--suite", choices=tuple(GROUPS), default="all", help="what to score on the data sets")
    parser.add_argument("--predictions", type=Path, default=PREDICTIONS, help="folder to keep answers in")
    parser.add_argument("--specialists", type=Path, default=Path("runs/peers"), help="folder of the trained specialists")
    parser.add_argument("--stores", type=Path, default=Path(".cache/stores"), help="folder that `umind data prepare` made")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder to write to")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run, write, print; then the peers."""
    options = parse(arguments)
    folder = Path(locate(options.model))
    model = UMindVL.from_pretrained(folder, device=options.device)
    kept = options.predictions / f"{folder.resolve().name}-{checksum([*model_files(folder), *answering_code()])}"
    images = None
    if options.data:
        images = open_images(options.data, options.split, limit=options.limit, with_twins=options.with_twins)
    card = provenance(options.device) | {"model": folder.resolve().name, "predictions": kept.name}
    card |= score(model, images, options, kept)
    kind = options.split if options.data else "phantoms"
    name = card_name(kind, suite=options.suite, limit=options.limit, with_twins=options.with_twins)
    path = write_card(options.results, name, card)
    if options.split == "test" and images:
        note_test_run(options.results / "test_runs.csv", card)
    print(f"{card_tables(card)}\n\nwritten: {path}")
    if images:
        sources = Sources(options.specialists, options.stores, options.predictions, options.device)
        score_beside(sources, images, options.suite, ours=kept / f"{images.split}.tsv", results=options.results)


def model_files(folder: Path) -> list[Path]:
    """Weights, configs and tokenizer of a model."""
    return sorted(path for path in folder.iterdir() if path.suffix in (".safetensors", ".json"))


def score(model: Verbs, images: Images | None, options: argparse.Namespace, kept: Path) -> dict[str, Any]:
    """Figures of a model, its answers kept in a folder."""
    card: dict[str, Any] = {"split": options.split, "limit": options.limit}
    if images:
        answers = Predictions(kept / f"{options.split}.tsv", model)
        card |= images.facts | run_suites(answers, images.samples, GROUPS[options.suite])
    if options.phantoms:
        first = FIRST_SEED[options.split]
        samples = draw_phantoms(range(first, first + options.phantoms))
        card["phantom_seeds"] = [first, first + options.phantoms - 1]
        answers = Predictions(kept / f"{options.split}-phantoms.tsv", model)
        card["phantoms"] = to_card(evaluate_phantoms(answers, samples))
    return card


if __name__ == "__main__":
    main()
