"""``umind data stats``: what data sets hold, as a table, as JSON or as histograms."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from umind.cli.arguments import Subparsers
from umind.cli.data_progress import watching
from umind.cli.sources import refuse_missing
from umind.cli.terminal import complain_of, say
from umind.data.quality.histogram import draw_histograms
from umind.data.quality.reading import UNREADABLE
from umind.data.quality.stats import Spread, Statistics, count, spread


def add_parser(actions: Subparsers) -> None:
    """Add the subcommand to those of ``data``."""
    action: ArgumentParser = actions.add_parser(
        "stats",
        help="count images, organs, structures, classes, sizes, spacings, splits and patients",
        description="Read every image of each folder and say what is in it.",
    )
    action.add_argument("folders", type=Path, nargs="+", metavar="DIR", help="folder of a data set")
    action.add_argument("--json", action="store_true", help="write only JSON to stdout, one line a folder")
    action.add_argument("--plot", type=Path, metavar="FILE.png", help="draw histograms of sizes, spacings, counts and areas")
    action.set_defaults(run=run)


def run(args: Namespace) -> int:
    """Count each folder in turn; 0 when all are of a known format, else 1.

    Raises:
        CallError: A path is no folder.
    """
    refuse_missing(args.folders)
    sets: list[Statistics] = []
    for folder in args.folders:
        try:
            with watching() as watch:
                held = count(folder, watch)
        except UNREADABLE as error:
            complain_of(folder, error)
            continue
        sets.append(held)
        say(json.dumps(as_json(held), ensure_ascii=False) if args.json else "\n".join(table(held)))
    if args.plot is not None and sets:
        draw_histograms(sets).save(args.plot)
    return int(len(sets) < len(args.folders))


def as_json(held: Statistics) -> dict[str, Any]:
    """The counts for machines; of long lists of numbers the least, the median and the greatest."""
    lists = {"sides": held.sides, "spacings": held.spacings, "instances": held.instances, "areas": held.areas}
    return asdict(held) | {"images": held.num_images} | {name: spread(numbers) for name, numbers in lists.items()}


def table(held: Statistics) -> Iterator[str]:
    """The counts for people, line by line."""
    left = f", {held.unreadable} unreadable or left out" if held.unreadable else ""
    yield f"{held.name}: {held.num_images} images{left}; licence {held.licence}"
    yield f"  splits      {counts(held.splits)}"
    yield f"  patients    {counts(held.patients) or 'none named'}"
    yield f"  organs      {counts({name or 'none said': number for name, number in held.organs.items()})}"
    for name, structure in held.structures.items():
        if structure.images:
            boxed = f", {structure.boxed} boxed" if structure.boxed else ""
            absent = f", absent in {structure.absent}" if structure.absent else ""
            yield f"  structure   {name}: in {structure.images} images, {structure.outlined} outlined{boxed}{absent}"
    if lacking := {name: structure.absent for name, structure in held.structures.items() if not structure.images}:
        yield f"  absent      {counts(lacking)}"
    for label, number in sorted(held.classes.items()):
        yield f"  class       {label}: {number}"
    if held.languages:
        yield f"  exchanges   {counts(held.languages)}"
    if held.reports:
        yield f"  reports     {held.reports}"
    yield f"  longer side {numbers(spread(held.sides), 'pixels')}"
    yield f"  spacing     {numbers(spread(held.spacings), f'mm per pixel, in {len(held.spacings)} images')}"


def counts(parts: Mapping[str, int]) -> str:
    """``"train 12, test 3"``."""
    return ", ".join(f"{name} {number}" for name, number in parts.items())


def numbers(found: Spread | None, unit: str) -> str:
    """Least, median and greatest of some numbers."""
    return f"{found['least']:.4g} to {found['greatest']:.4g}, median {found['median']:.4g} {unit}" if found else "none"
