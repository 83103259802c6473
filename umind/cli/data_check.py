"""``umind data check``: faults of data sets, as a table or as JSON."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from umind.cli.arguments import Subparsers
from umind.cli.data_progress import watching
from umind.cli.sources import refuse_missing
from umind.cli.terminal import say
from umind.data.quality.check import Finding, Inspection, inspect

MAX_SHOWN = 3
MAX_WORDS = 160


def add_parser(actions: Subparsers) -> None:
    """Add the subcommand to those of ``data``."""
    action: ArgumentParser = actions.add_parser(
        "check",
        help="list what is broken, contradictory or on both sides of a split",
        description="Read every image of each folder and list what is wrong with it: files that cannot be read, masks of"
        " another size, empty labels, labels that contradict each other, duplicates and near-duplicates, patients and groups in"
        " several splits. Exit code 1 if there are faults; notes are none.",
    )
    action.add_argument("folders", type=Path, nargs="+", metavar="DIR", help="folder of a data set")
    action.add_argument("--all", action="store_true", help=f"show every finding, not {MAX_SHOWN} of each kind")
    action.add_argument("--json", action="store_true", help="write only JSON to stdout, one line a folder, with every finding")
    action.set_defaults(run=run)


def run(args: Namespace) -> int:
    """Check each folder in turn; 0 without faults, else 1.

    Raises:
        CallError: A path is no folder.
    """
    refuse_missing(args.folders)
    num_faults = 0
    for folder in args.folders:
        with watching() as watch:
            inspection = inspect(folder, watch)
        num_faults += len(inspection.faults)
        if args.json:
            say(json.dumps(as_json(inspection), ensure_ascii=False))
        else:
            say("\n".join(table(inspection, None if args.all else MAX_SHOWN)))
    return int(num_faults > 0)


def as_json(inspection: Inspection) -> dict[str, Any]:
    """Everything that was found, for machines."""
    return {
        "folder": str(inspection.folder),
        "format": inspection.format,
        "images": inspection.num_images,
        "faults": [{"kind": item.kind, "images": item.keys, "reason": item.reason} for item in inspection.faults],
        "notes": [
            {"kind": item.kind, "images": item.keys, "reason": item.reason} for item in inspection.findings if not item.is_fault
        ],
    }


def table(inspection: Inspection, limit: int | None) -> Iterator[str]:
    """A heading, then each kind of finding with its number and some of its images; faults before notes.

    Args:
        inspection: What was found.
        limit: Most findings to show of a kind; None for all.
    """
    yield (
        f"{inspection.folder}: {inspection.format or 'unknown'}, {inspection.num_images} images read,"
        f" {len(inspection.faults)} faults, {len(inspection.findings) - len(inspection.faults)} notes"
    )
    kinds = dict.fromkeys(item.kind for item in sorted(inspection.findings, key=lambda item: not item.is_fault))
    for kind in kinds:
        found = [item for item in inspection.findings if item.kind == kind]
        yield f"  {'fault' if found[0].is_fault else 'note '}  {kind:<22}{len(found):>6}"
        yield from (f"           {line(item)}" for item in found[:limit])
        if limit is not None and len(found) > limit:
            yield f"           and {len(found) - limit} more; --all shows them"


def line(finding: Finding) -> str:
    """Images and reason of a finding in one line."""
    shown = " | ".join(finding.keys[:MAX_SHOWN])
    if len(finding.keys) > MAX_SHOWN:
        shown += f" | and {len(finding.keys) - MAX_SHOWN} more"
    text = " ".join(f"{shown}: {finding.reason}".removeprefix(": ").split())
    return text if len(text) <= MAX_WORDS else f"{text[: MAX_WORDS - 3]}..."
