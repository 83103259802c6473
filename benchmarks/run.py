"""Scores a model on a split of the data sets, and on phantoms: ``python -m benchmarks.run --data DIR --split val``.

Answers are kept in ``--predictions``, a folder: what is there is not asked again, so an interrupted run goes on.
Writes ``benchmarks/results/<split>.json`` (``phantoms.json`` without data; a limited run says so in its name) and prints
tables. Every run on test adds a line to ``benchmarks/results/test_runs.csv``: test is for reporting; the list shows how often.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.provenance import RESULTS, provenance
from benchmarks.tables import figures_in_short
from umind.evaluation.card import to_card
from umind.evaluation.phantoms import FIRST_SEED, draw_phantoms, evaluate_phantoms
from umind.evaluation.predictions import Predictions
from umind.evaluation.suites import SUITES, Together, open_portions, run_suites
from umind.evaluation.tables import card_tables
from umind.evaluation.verbs import Verbs
from umind.predictor import UMindVL


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of the data sets; phantoms only when not given")
    parser.add_argument("--split", choices=("val", "test"), default="val")
    parser.add_argument("--model", type=Path, help="folder of a model; the embedded one when not given")
    parser.add_argument("--limit", type=int, help="most images of each set, a seeded choice")
    parser.add_argument("--phantoms", type=int, default=200, help="how many phantoms, none with 0 (default: 200)")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--suite", choices=("all", *SUITES), default="all", help="what to score on the data sets")
    parser.add_argument("--predictions", type=Path, help="folder of answers; they are not kept when not given")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder to write to")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run, write, print."""
    options = parse(arguments)
    model = UMindVL.from_pretrained(options.model, device=options.device)
    card = score(model, options)
    options.results.mkdir(parents=True, exist_ok=True)
    path = options.results / f"{card_name(options)}.json"
    path.write_text(json.dumps(card, indent=1, allow_nan=False) + "\n", "utf-8")
    if options.split == "test" and options.data:
        note_test_run(options.results / "test_runs.csv", card)
    print(card_tables(card))
    print(f"\nwritten: {path}")


def card_name(options: argparse.Namespace) -> str:
    """Name of the file: a limited run never takes the place of a whole one."""
    kind = options.split if options.data else "phantoms"
    suite = "" if options.suite == "all" else f"-{options.suite}"
    return f"{kind}{suite}" if options.limit is None else f"{kind}{suite}-limit-{options.limit}"


def score(model: UMindVL, options: argparse.Namespace) -> dict[str, Any]:
    """The card of a model."""
    name = options.model.resolve().name if options.model else "umind-tiny"
    card: dict[str, Any] = provenance(options.device) | {"model": name, "split": options.split, "limit": options.limit}
    if options.data:
        portions = open_portions(options.data, options.split, limit=options.limit)
        card["data"] = {set_name: len(portion) for set_name, portion in portions.items()}
        suites = tuple(SUITES) if options.suite == "all" else (options.suite,)
        card |= run_suites(kept(model, options, options.split), Together(list(portions.values())), suites)
    if options.phantoms:
        first = FIRST_SEED[options.split]
        samples = draw_phantoms(range(first, first + options.phantoms))
        card["phantom_seeds"] = [first, first + options.phantoms - 1]
        card["phantoms"] = to_card(evaluate_phantoms(kept(model, options, f"{options.split}-phantoms"), samples))
    return card


def kept(model: Verbs, options: argparse.Namespace, name: str) -> Verbs:
    """The model, its answers kept in a file if they are to be."""
    return Predictions(options.predictions / f"{name}.tsv", model) if options.predictions else model


def note_test_run(path: Path, card: dict[str, Any]) -> None:
    """Add a line to the list of test runs."""
    is_new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        if is_new:
            rows.writerow(["date", "commit", "model", "limit", "figures"])
        rows.writerow([card["date"], card["commit"], card["model"], card["limit"] or "", figures_in_short(card)])


if __name__ == "__main__":
    main()
