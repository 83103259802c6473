"""Trains the specialist of one organ: ``python -m benchmarks.peers.train --stores .cache/stores --organ breast``.

It sees as many samples of its organ as umind-tiny saw, and the same views of them. The learning rate is chosen on validation
images after an eighth of the samples. A run that was interrupted is repeated and goes on. Writes ``<out>/<organ>``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.peers.fit import Plan, fit
from benchmarks.peers.organs import ORGANS, foreign_stores, open_stores
from benchmarks.peers.record import Record, write
from benchmarks.peers.validate import fit_presence, mean_dice
from benchmarks.peers.views import Views
from benchmarks.provenance import commit

RATES = (3e-4, 1e-3, 3e-3)
SEARCH_SHARE = 8
"""A candidate sees one in so many of the samples."""


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers.train", description=__doc__)
    parser.add_argument("--stores", type=Path, required=True, help="folder that `umind data prepare` made")
    parser.add_argument("--organ", choices=tuple(ORGANS), required=True)
    parser.add_argument("--samples", type=int, help="views to learn from (default: as many as umind-tiny saw)")
    parser.add_argument("--rate", type=float, nargs="+", default=RATES, help="learning rates; one alone is taken as it is")
    parser.add_argument("--size", type=int, default=256, help="side of the model frame (default: 256)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--random-weights", action="store_true", help="do not start from ImageNet")
    parser.add_argument("--workers", type=int, default=1, help="processes that prepare views (default: 1)")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, default=Path("runs/peers"), help="folder of the specialists")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Choose the rate, train, write."""
    options = parse(arguments)
    organ = ORGANS[options.organ]
    folder = options.out / options.organ
    num_samples = options.samples or organ.num_samples
    stores = open_stores(options.stores, organ.weights, "train")
    views = Views(stores, list(organ.weights.values()), organ.phrase, size=options.size, seed=options.seed)
    own, foreign = open_stores(options.stores, organ.sets, "val"), foreign_stores(options.stores, organ, "val")
    plan = Plan(options.organ, options.rate[0], num_samples, options.size, options.seed, not options.random_weights)
    dices: dict[float, float] = {}
    search_seconds = 0.0
    for rate in options.rate if len(options.rate) > 1 else ():
        candidate = replace(plan, rate=rate, num_samples=num_samples // SEARCH_SHARE)
        tried = fit(candidate, views, folder / f"rate-{rate:g}.ckpt", device=options.device, num_workers=options.workers)
        search_seconds += tried.seconds
        dices[rate] = mean_dice(tried.averaged.module, own, organ.phrase, options.size)
        print(f"rate {rate:g}: Dice {dices[rate]:.4f} on validation images")
    if dices:
        plan = replace(plan, rate=max(dices, key=lambda rate: dices[rate]))
    training = fit(plan, views, folder / "final.ckpt", device=options.device, num_workers=options.workers)
    network = training.averaged.module
    record = Record(
        organ=options.organ,
        phrase=organ.phrase,
        size=options.size,
        seed=options.seed,
        num_samples=num_samples,
        rate=plan.rate,
        candidates={f"{rate:g}": value for rate, value in dices.items()},
        val_dice=mean_dice(network, own, organ.phrase, options.size),
        presence=fit_presence(network, own, foreign, organ.phrase, options.size),
        seconds=training.seconds,
        search_seconds=search_seconds,
        commit=commit(),
    )
    write(folder, network, record)
    print(f"Dice {record.val_dice:.4f} on validation images\nwritten: {folder}")


if __name__ == "__main__":
    main()
