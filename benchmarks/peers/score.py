"""Scores the specialists with umind's own suites: ``python -m benchmarks.peers.score --data DIR --predictions FILE``.

Answers are kept in the file, which `benchmarks.peers.compare` reads. Writes ``benchmarks/results/peers-<split>.json``; a run
on test is noted in ``test_runs.csv`` as umind-tiny's are.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from benchmarks.peers.specialist import Specialists
from benchmarks.provenance import RESULTS, provenance
from benchmarks.run import note_test_run
from umind.evaluation.predictions import Predictions
from umind.evaluation.suites import Together, open_portions, run_suites
from umind.evaluation.tables import card_tables
from umind.evaluation.verbs import Verbs

OUTLINES = ("segmentation", "presence")
"""Suites that ask for nothing but outlines and boxes."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Score, write, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers.score", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--split", choices=("val", "test"), default="val")
    parser.add_argument("--specialists", type=Path, default=Path("runs/peers"), help="folder of the specialists")
    parser.add_argument("--suite", choices=OUTLINES, nargs="+", default=OUTLINES)
    parser.add_argument("--limit", type=int, help="most images of each set, a seeded choice")
    parser.add_argument("--predictions", type=Path, required=True, help="file of answers; those that are there are not asked")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder to write to")
    options = parser.parse_args(arguments)
    portions = open_portions(options.data, options.split, limit=options.limit)
    specialists = cast(Verbs, Specialists(options.specialists, options.device))  # the suites below ask for no other verb
    model = Predictions(options.predictions, specialists)
    card: dict[str, Any] = provenance(options.device) | {"model": "peers", "split": options.split, "limit": options.limit}
    card["data"] = {name: len(portion) for name, portion in portions.items()}
    card |= run_suites(model, Together(list(portions.values())), options.suite)
    options.results.mkdir(parents=True, exist_ok=True)
    limited = "" if options.limit is None else f"-limit-{options.limit}"
    path = options.results / f"peers-{options.split}{limited}.json"
    path.write_text(json.dumps(card, indent=1, allow_nan=False) + "\n", "utf-8")
    if options.split == "test":
        note_test_run(options.results / "test_runs.csv", card)
    print(f"{card_tables(card)}\n\nwritten: {path}")


if __name__ == "__main__":
    main()
