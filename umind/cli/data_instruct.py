"""``umind data instruct``: annotations as grounded conversations."""

from __future__ import annotations

import json
import zlib
from argparse import ArgumentParser, Namespace
from pathlib import Path

from umind.cli.arguments import Subparsers
from umind.cli.data_progress import watching
from umind.cli.terminal import CallError, complain, say
from umind.data.adapters.registry import open_dataset
from umind.data.instruct import converse, options_of, record_of
from umind.data.quality.manifest import source_of
from umind.data.quality.reading import UNREADABLE, read_each


def add_parser(actions: Subparsers) -> None:
    """Add the subcommand to those of ``data``."""
    action: ArgumentParser = actions.add_parser(
        "instruct",
        help="turn annotations into grounded conversations, as JSONL",
        description="Questions of every kind that the annotation answers, in whole sentences with task tokens: one conversation"
        " an image, of the train split unless --split says val. Paths are relative to the folder that holds the set.",
    )
    action.add_argument("folders", type=Path, nargs="+", metavar="DIR", help="folder of a data set")
    action.add_argument("--out", type=Path, required=True, metavar="FILE.jsonl", help="where the conversations go")
    action.add_argument("--split", choices=("train", "val"), default="train", help="which part (default: train)")
    action.add_argument("--turns", type=int, default=4, metavar="N", help="most questions of ours an image (default: 4)")
    action.add_argument("--seed", type=int, default=0, metavar="N", help="decides kinds and words (default: 0)")
    action.set_defaults(run=run)


def run(args: Namespace) -> int:
    """Write the conversations; 0 when every image could be read, else 1.

    Raises:
        CallError: A path is no folder of a known set, or --turns is below 1.
    """
    if args.turns < 1:
        raise CallError(f"--turns {args.turns}: at least one question is wanted")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    written = failed = 0
    with args.out.open("w", encoding="utf-8") as file:
        for folder in args.folders:
            try:
                adapter = open_dataset(folder, (args.split,))
            except UNREADABLE as error:
                raise CallError(str(error)) from error
            with watching() as watch:
                options = options_of(reading.sample for reading in read_each(adapter, watch) if reading.sample)
            for reading in read_each(adapter):
                if reading.sample is None:
                    complain(f"{folder / reading.record.key}: {reading.reason}")
                    failed += 1
                    continue
                seed = zlib.crc32(f"{args.seed}/{reading.sample.dataset}/{reading.sample.key}".encode())
                said = converse(reading.sample, options, seed=seed, num_turns=args.turns)
                if said:
                    path = source_of(adapter, reading.record).relative_to(adapter.root.parent).as_posix()
                    file.write(json.dumps(record_of(reading.sample, path, said), ensure_ascii=False) + "\n")
                    written += 1
    say(f"{args.out}: {written} conversations")
    return int(failed > 0)
