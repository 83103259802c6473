"""``umind data shards``: prepared stores as tar files to stream."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from umind.cli.arguments import Subparsers
from umind.cli.terminal import CallError, say
from umind.data.shards import write_shards
from umind.data.store import Store


def add_parser(actions: Subparsers) -> None:
    """Add the subcommand to those of ``data``."""
    action: ArgumentParser = actions.add_parser(
        "shards",
        help="pack prepared stores into WebDataset shards, to stream from many machines",
        description="Pack every finished store of a folder that `umind data prepare` made.",
    )
    action.add_argument("stores", type=Path, metavar="STORES", help="folder of stores")
    action.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the shards go")
    action.add_argument("--per-shard", type=int, default=512, metavar="N", help="samples in a shard (default: 512)")
    action.set_defaults(run=run)


def run(args: Namespace) -> int:
    """Pack, and say what was made.

    Raises:
        CallError: There is no finished store, or --per-shard is below 1.
    """
    found = [path for path in sorted(args.stores.glob("*")) if Store.finished(path)]
    if not found or args.per_shard < 1:
        raise CallError(f"{args.stores}: no finished store there" if not found else "--per-shard wants at least one sample")
    for path in found:
        store = Store(path)
        say(f"{path.name}: {len(store)} images in {len(write_shards(store, args.out, per_shard=args.per_shard))} shards")
    return 0
