"""Prepared samples as WebDataset shards: tar files that many machines stream, each sample to one worker of one of them."""

from __future__ import annotations

import io
import math
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import webdataset
from jaxtyping import UInt8
from PIL import Image
from torch.utils.data import IterableDataset, get_worker_info

from umind.data.augment import augment, build_augmentation
from umind.data.examples import Example
from umind.data.labelled import Labelled
from umind.data.mixture import view_example
from umind.data.store import Store, item_of, line_of


def write_shards(store: Store, folder: Path, *, per_shard: int = 512) -> list[Path]:
    """Pack a store into tar files: for each sample ``pixels.png``, ``labels.png`` and ``facts.json`` under one key.

    Args:
        store: What to pack.
        folder: Where the shards go, as ``<store>-000000.tar``.
        per_shard: Samples in a shard.

    Returns:
        The shards, in order.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{store.folder.name}-{number:06d}.tar" for number in range(math.ceil(len(store) / per_shard))]
    for number, path in enumerate(paths):
        unfinished = path.with_suffix(".part")
        with webdataset.TarWriter(str(unfinished), encoder=False, mtime=0) as writer:
            for place in range(number * per_shard, min((number + 1) * per_shard, len(store))):
                writer.write(packed(store[place], f"{store.folder.name}-{place:08d}"))
        unfinished.replace(path)
    return paths


def packed(item: Labelled, key: str) -> dict[str, str | bytes]:
    """One sample as the members of a tar file."""
    facts = line_of(item).encode()
    return {"__key__": key, "pixels.png": png(item.pixels), "labels.png": png(item.labels), "facts.json": facts}


def unpacked(members: Mapping[str, Any]) -> Labelled:
    """The sample that `packed` made."""
    pixels, labels = (np.array(Image.open(io.BytesIO(members[name]))) for name in ("pixels.png", "labels.png"))
    return item_of(pixels, labels, members["facts.json"].decode())


def png(pixels: UInt8[np.ndarray, "s s"]) -> bytes:
    """A grey image, compressed without loss."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


class ShardStream(IterableDataset[Labelled]):
    """Every sample of some shards once, in a seeded order of shards; machines and workers share the shards out.

    Args:
        shards: Tar files; at least as many as there are workers on all machines, or some of these stay idle.
        seed: Decides the order.
    """

    def __init__(self, shards: Sequence[Path], *, seed: int) -> None:
        if not shards:
            raise ValueError("no shards: pack stores with `umind data shards`")
        order = np.random.default_rng(seed).permutation(len(shards))
        self.shards = [str(shards[place]) for place in order]

    def __iter__(self) -> Iterator[Labelled]:
        stream = webdataset.WebDataset(
            self.shards, shardshuffle=False, nodesplitter=webdataset.split_by_node, empty_check=False
        )
        return (unpacked(members) for members in stream)


class ShardMixture(IterableDataset[Example]):
    """Endless weighted mixture of sets that lie in shards, as views with their questions.

    Each worker draws a set by weight and takes its next sample; a set that has ended starts again in another order, and every
    pass has each sample once. A view depends on seed, pass and sample alone, whoever makes it; the order of the samples depends
    on the number of workers, a worker whose shards hold fewer samples begins its next pass earlier, and a run that is resumed
    begins new passes. Where that must not be, `umind.data.mixture` over stores on one disk is for it.

    Args:
        shards: Shards by set.
        weights: Relative share of each set.
        size: Side of the model frame.
        seed: Decides everything.
        unheard: Names that nothing is asked about.
    """

    def __init__(
        self,
        shards: Mapping[str, Sequence[Path]],
        weights: Mapping[str, float],
        *,
        size: int,
        seed: int,
        unheard: Collection[str] = (),
    ) -> None:
        self.shards = {name: tuple(paths) for name, paths in shards.items()}
        shares = np.array([weights[name] for name in self.shards], np.float64)
        self.shares = shares / shares.sum()
        self.size = size
        self.seed = seed
        self.unheard = frozenset(unheard)

    def __iter__(self) -> Iterator[Example]:
        worker = get_worker_info()
        rng = np.random.default_rng((self.seed, worker.id if worker else 0))
        streams = [self._endless(paths) for paths in self.shards.values()]
        while True:
            yield next(streams[rng.choice(len(streams), p=self.shares)])

    def _endless(self, paths: Sequence[Path]) -> Iterator[Example]:
        """Views of a set's samples, pass after pass."""
        transform = build_augmentation()
        turn = 0
        while True:
            count = 0
            for item in ShardStream(paths, seed=self.seed + turn):
                count += 1
                name = zlib.crc32(f"{item.facts.dataset}/{item.facts.key}".encode())
                rng = np.random.default_rng((self.seed, turn, name))
                yield view_example(augment(item, transform, rng), self.size, rng, self.unheard)
            if not count:
                raise ValueError(f"a worker has no shard of {Path(paths[0]).name}: pack fewer samples a shard")
            turn += 1
