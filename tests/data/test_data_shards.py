"""Shards hold what the stores hold, and every sample reaches one worker once."""

import itertools
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from torch.utils.data import DataLoader

from umind.cli.main import main
from umind.data.phantom import phantom_sample
from umind.data.shards import ShardMixture, ShardStream, write_shards
from umind.data.store import Store

# webdataset leaves open files to the garbage collector
pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in. <_io.FileIO:pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    samples = [phantom_sample(5_500_000 + seed, size=64) for seed in range(23)]
    return Store.write(tmp_path_factory.mktemp("stores") / "phantom-train", samples, 23, 64)


def keys_of(batch: list) -> list[str]:
    return [item.facts.key for item in batch]


def test_shards_hold_the_store(store: Store, tmp_path: Path) -> None:
    paths = write_shards(store, tmp_path, per_shard=5)
    assert [path.name for path in paths] == [f"phantom-train-{number:06d}.tar" for number in range(5)]
    found = {item.facts.key: item for item in ShardStream(paths, seed=0)}
    assert len(found) == len(store) == 23
    for place in range(len(store)):
        item = store[place]
        back = found[item.facts.key]
        np.testing.assert_array_equal(back.pixels, item.pixels)
        np.testing.assert_array_equal(back.labels, item.labels)
        assert [list(s) for s in back.facts.structures] == [list(s) for s in item.facts.structures]


@pytest.mark.parametrize("num_workers", [0, 2])
def test_every_sample_comes_exactly_once(store: Store, tmp_path: Path, num_workers: int) -> None:
    stream = ShardStream(write_shards(store, tmp_path, per_shard=4), seed=1)
    loader = DataLoader(stream, batch_size=3, num_workers=num_workers, collate_fn=keys_of)
    counts = Counter(key for batch in loader for key in batch)
    assert len(counts) == len(store)
    assert set(counts.values()) == {1}


def test_seeds_decide_the_order_of_shards(store: Store, tmp_path: Path) -> None:
    paths = write_shards(store, tmp_path, per_shard=4)
    orders = [keys_of(list(ShardStream(paths, seed=seed))) for seed in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]


def test_mixture_draws_by_weight_and_repeats_itself(store: Store, tmp_path: Path) -> None:
    paths = write_shards(store, tmp_path, per_shard=4)
    shards = {"some": paths[:2], "many": paths[2:]}
    few = {item.facts.key for item in ShardStream(paths[:2], seed=0)}
    mixture = ShardMixture(shards, {"some": 1.0, "many": 3.0}, size=64, seed=5)
    first, again = (list(itertools.islice(mixture, 60)) for _ in range(2))
    assert [e.blocks for e in first] == [e.blocks for e in again]
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(first, again, strict=True))
    assert len(few) == 8
    assert len({e.pixels.tobytes() for e in first}) > 50  # later passes make other views


def test_a_worker_without_a_shard_is_told(store: Store, tmp_path: Path) -> None:
    paths = write_shards(store, tmp_path, per_shard=23)
    mixture = ShardMixture({"phantom": paths}, {"phantom": 1.0}, size=64, seed=0)
    with pytest.raises(ValueError, match="no shard of phantom-train"):
        list(itertools.islice(DataLoader(mixture, batch_size=2, num_workers=2, collate_fn=list), 3))


def test_no_shards() -> None:
    with pytest.raises(ValueError, match="umind data shards"):
        ShardStream([], seed=0)


def test_the_command(store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "shards", str(store.folder.parent), "--out", str(tmp_path), "--per-shard", "10"]) == 0
    assert capsys.readouterr().out == "phantom-train: 23 images in 3 shards\n"
    assert len(list(tmp_path.glob("*.tar"))) == 3
    assert main(["data", "shards", str(tmp_path), "--out", str(tmp_path)]) == 2
