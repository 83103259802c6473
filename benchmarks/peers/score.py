"""Scores the peers alone with umind's own suites: ``python -m benchmarks.peers.score --data DIR``.

`benchmarks.run` does this beside a model. Writes ``benchmarks/results/<peer>-<split>.json``; a run on test is noted in
``test_runs.csv`` as umind-tiny's are.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmarks.images import open_images
from benchmarks.peers.beside import PEERS, Sources, score_peer
from benchmarks.provenance import PREDICTIONS, RESULTS


def main(arguments: Sequence[str] | None = None) -> None:
    """Score, write, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers.score", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--split", choices=("val", "test"), default="val")
    parser.add_argument("--peer", choices=[peer.name for peer in PEERS], help="the only one to score (default: all of them)")
    parser.add_argument("--specialists", type=Path, default=Path("runs/peers"), help="folder of the trained specialists")
    parser.add_argument("--stores", type=Path, default=Path(".cache/stores"), help="folder that `umind data prepare` made")
    parser.add_argument("--limit", type=int, help="most images of each set, a seeded choice")
    parser.add_argument("--predictions", type=Path, default=PREDICTIONS, help="folder to keep answers in")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder to write to")
    options = parser.parse_args(arguments)
    images = open_images(options.data, options.split, limit=options.limit)
    sources = Sources(options.specialists, options.stores, options.predictions, options.device)
    for peer in PEERS:
        if options.peer in (None, peer.name):
            score_peer(peer, sources, images, "all", options.results)


if __name__ == "__main__":
    main()
