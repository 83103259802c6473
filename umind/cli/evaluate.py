"""``umind evaluate``: predict, score, print."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path

from umind.cli.arguments import Subparsers
from umind.cli.sources import open_model
from umind.cli.terminal import CallError, say
from umind.evaluation.predictions import Predictions
from umind.evaluation.suites import SUITES, Together, open_portions, run_suites
from umind.evaluation.tables import card_tables
from umind.evaluation.verbs import Verbs


def add_parser(subparsers: Subparsers) -> ArgumentParser:
    """Add ``evaluate``."""
    parser: ArgumentParser = subparsers.add_parser(
        "evaluate",
        help="score a model on annotated images",
        description="Ask a model about every image of a split, compare with the annotation, and print tables. With"
        " --predictions the answers are kept: what the file holds is not asked again, so an interrupted run goes on, and"
        " --score-only scores the file without any model.",
    )
    parser.add_argument("--suite", choices=tuple(SUITES), action="append", help="what to score, again for several; all of them")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="a data set, or a folder of data sets")
    parser.add_argument("--split", choices=("train", "val", "test"), default="val", help="which part (default: val)")
    parser.add_argument("--limit", type=int, metavar="N", help="most images of each set, a seeded choice")
    parser.add_argument("--model", type=Path, metavar="DIR", help="folder of a model; the embedded one when not given")
    parser.add_argument("--adapter", type=Path, metavar="DIR", help="folder of an adapter to put on it")
    parser.add_argument("--device", default="cpu", help="where to run (default: cpu)")
    parser.add_argument("--predictions", type=Path, metavar="FILE", help="where the answers are kept")
    parser.add_argument("--score-only", action="store_true", help="score what --predictions holds, and ask no model")
    parser.add_argument("--json", action="store_true", help="print the card as JSON")
    parser.set_defaults(run=run)
    return parser


def run(args: Namespace) -> int:
    """Score, and print.

    Raises:
        CallError: No data, no model, nothing to score, or an answer is missing in what is only scored.
    """
    if args.score_only and (args.predictions is None or not args.predictions.is_file()):
        raise CallError("--score-only wants --predictions with a file of answers")
    model: Verbs | None = None if args.score_only else open_model(args.model, device=args.device, adapter=args.adapter)
    try:
        samples = Together(list(open_portions(args.data, args.split, limit=args.limit).values()))
        asked: Verbs | None = Predictions(args.predictions, model) if args.predictions else model
        assert asked is not None
        card = run_suites(asked, samples, args.suite or tuple(SUITES))
    except (ValueError, OSError) as error:
        raise CallError(str(error)) from error
    if not any(card.values()):
        raise CallError(f"{args.data} has nothing in its {args.split} split that these suites score")
    say(json.dumps(card, indent=1, allow_nan=False) if args.json else card_tables(card))
    return 0
