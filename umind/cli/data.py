"""``umind data``: its actions, and ``prepare``: data sets and phantoms to the stores that training reads."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from umind.cli import data_check, data_instruct, data_shards, data_stats
from umind.cli.arguments import Subparsers
from umind.cli.terminal import CallError, Progress, complain, say
from umind.data.adapters.registry import ADAPTERS, FORMATS
from umind.data.prepare import prepare


def add_parser(subparsers: Subparsers) -> ArgumentParser:
    """Add ``data`` and its own subcommands."""
    parser: ArgumentParser = subparsers.add_parser("data", help="prepare, check and count data sets")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    action: ArgumentParser = actions.add_parser(
        "prepare",
        help="decode data sets and draw phantoms, once, into the stores that training reads",
        description="Decode every known data set below ROOT, draw the phantoms and train the tokenizer. What is finished"
        " stays, so a call that was interrupted is simply repeated. Without ROOT only the phantoms are made.",
        epilog=f"Known data sets, each in a folder of this name: {', '.join(ADAPTERS)}. Folders of any other name are known by"
        f" their content: {', '.join(known.name for known in FORMATS)}. splits.csv in a folder says who goes where; without it"
        " a set is divided by patient and near-duplicates.",
    )
    action.add_argument("root", type=Path, nargs="?", metavar="ROOT", help="folder that holds the data sets")
    action.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the stores and the tokenizer go")
    action.add_argument("--size", type=positive, default=320, metavar="N", help="side of the canvas (default: 320 pixels)")
    action.add_argument("--phantoms", type=positive, default=5000, metavar="N", help="phantoms to train on (default: 5000)")
    action.add_argument("--test", action="store_true", help="decode the test parts too, for `umind test`")
    action.add_argument(
        "--all-sets", action="store_true", help="also sets whose licence forbids giving away weights trained on them"
    )
    action.add_argument(
        "--manifest", type=Path, metavar="FILE.jsonl", help="list the images that were used, with checksums, one a line"
    )
    action.set_defaults(run=run)
    data_check.add_parser(actions)
    data_stats.add_parser(actions)
    data_instruct.add_parser(actions)
    data_shards.add_parser(actions)
    return parser


def positive(text: str) -> int:
    """A whole number above zero."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def run(args: Namespace) -> int:
    """Prepare, and say what was made and what was left out.

    Returns:
        0, or 1 when something could not be read: it is listed on stderr and left out, and everything else is done.

    Raises:
        CallError: ``ROOT`` is no folder.
    """
    if args.root is not None and not args.root.is_dir():
        raise CallError(f"{args.root} is no folder; wanted is one that holds data sets")
    bars: dict[str, Progress] = {}

    def watch(name: str, done: int, total: int) -> None:
        if name not in bars:
            bars[name] = Progress(total)
        bars[name].show(done)
        if done == total:
            bars[name].clear()

    prepared = prepare(
        args.root,
        args.out,
        size=args.size,
        num_phantoms=args.phantoms,
        splits=("train", "val", "test") if args.test else ("train", "val"),
        all_sets=args.all_sets,
        manifest=args.manifest,
        watch=watch,
    )
    for bar in bars.values():
        bar.clear()
    for item in prepared.left_out:
        complain(f"left out: {item.what}: {item.reason}")
    for name, count in prepared.stores.items():
        say(f"{name}: {count} images")
    say(f"tokenizer: {args.out / 'tokenizer'}")
    return int(any(not item.expected for item in prepared.left_out))
