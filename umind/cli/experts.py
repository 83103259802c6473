"""``umind experts``: which experts a model sends what to."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from umind.cli.arguments import Subparsers, device
from umind.cli.sources import open_model
from umind.cli.terminal import CallError, Progress, say
from umind.evaluation.card import to_card
from umind.evaluation.expert_tables import expert_tables
from umind.evaluation.experts import ExpertUse, evaluate_experts
from umind.evaluation.interview import Portion
from umind.evaluation.suites import Together, open_portions
from umind.schema.sample import Sample
from umind.viz.heat_map import heat_map


def add_parser(subparsers: Subparsers) -> ArgumentParser:
    """Add ``experts``."""
    parser: ArgumentParser = subparsers.add_parser(
        "experts",
        help="load of a model's experts, and what their choice tells of organ and task",
        description="Put questions made from the annotation to every image of a split, and count which experts their tokens"
        " take: the load of every expert and layer and its entropy, and the mutual information of expert and organ, by an"
        " image's own tokens, and of expert and verb, by those of the questions. Bits are adjusted for what chance would tell.",
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help="folder of a model with experts")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="a data set, or a folder of data sets")
    parser.add_argument("--split", choices=("train", "val", "test"), default="val", help="which part (default: val)")
    parser.add_argument("--limit", type=int, metavar="N", help="most images of each set, a seeded choice")
    parser.add_argument("--device", type=device, default="cpu", metavar="NAME", help="where to run (default: cpu)")
    parser.add_argument("--out", type=Path, metavar="FILE.png", help="draw the load, of all tokens and of each organ's images")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.set_defaults(run=run)
    return parser


def run(args: Namespace) -> int:
    """Count, print and draw.

    Raises:
        CallError: No data, no model, no experts in it, or a picture of no known kind.
    """
    if args.out is not None and args.out.suffix.lower() != ".png":
        raise CallError(f"--out {args.out}: wanted a name that ends in .png")
    model = open_model(args.model, device=args.device)
    try:
        portions = open_portions(args.data, args.split, limit=args.limit)
        if not portions:
            raise CallError(f"{args.data} has no image in its {args.split} split")
        used = evaluate_experts(model, watched(portions))
    except (ValueError, OSError) as error:
        raise CallError(str(error)) from error
    card = to_card(used)
    say(json.dumps(card, indent=1, allow_nan=False) if args.json else expert_tables(card))
    if args.out is not None:
        Image.fromarray(load_map(used)).save(args.out)
    return 0


def watched(portions: Mapping[str, Portion]) -> Iterator[Sample]:
    """The samples of some sets, with a bar."""
    progress = Progress(sum(map(len, portions.values())))
    try:
        for done, sample in enumerate(Together([*portions.values()])):
            progress.show(done)
            yield sample
    finally:
        progress.clear()


def load_map(used: ExpertUse) -> UInt8[np.ndarray, "h w 3"]:
    """Heat map of the load: layers down, experts across, a panel for all tokens and one for each organ."""
    panels = {"all tokens": np.array([layer.load for layer in used.layers])}
    panels |= {name: np.array([layer.load_by_region[name] for layer in used.layers]) for name in used.regions}
    rows = [f"layer {place}" for place in range(1, len(used.layers) + 1)]
    return heat_map(panels, rows=rows, columns=used.choices, title="Share of the choices that fell on each expert, %")
