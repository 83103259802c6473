"""Training streams from shards by configuration, and two workers share them without a sample twice."""

from collections import Counter
from pathlib import Path

import pytest
import torch

from umind.data import shards
from umind.data.datamodule import MixtureData
from umind.data.phantom import phantom_sample
from umind.data.shards import write_shards
from umind.data.store import Store
from umind.processor.processor import UMindImageProcessor, UMindProcessor
from umind.tokens.tokenizer import train_tokenizer

NUM = 24
# webdataset leaves open files to the garbage collector
pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in. <_io.FileIO:pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stores, and four shards of six samples beside them."""
    folder = tmp_path_factory.mktemp("packed")
    store = Store.write(folder / "phantom-train", [phantom_sample(seed, size=64) for seed in range(NUM)], NUM, 64)
    Store.write(folder / "phantom-val", [phantom_sample(900, size=64)], 1, 64)
    write_shards(store, folder / "shards", per_shard=6)
    return folder


def data_of(packed: Path, **kwargs: object) -> MixtureData:
    settings: dict[str, object] = {"batch_size": 3, "num_workers": 0, "shards": packed / "shards"}
    data = MixtureData(packed, {"phantom": 1.0}, **(settings | kwargs))
    data.attach(UMindProcessor(UMindImageProcessor(size=64), train_tokenizer(["segment the cyst"]), 4))
    return data


@pytest.mark.parametrize("num_workers", [0, 2])
def test_an_epoch_holds_every_sample_once(packed: Path, num_workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "view_example", lambda item, size, rng, unheard: item.facts.key)  # workers are forked with it
    data = data_of(packed, num_workers=num_workers)
    data.collator = list
    batches = iter(data.train_dataloader())
    for _ in range(2):  # the second epoch too
        seen = Counter(key for _ in range(NUM // 3) for key in next(batches))
        assert seen == Counter({f"phantom-{seed}": 1 for seed in range(NUM)})


def test_batches_are_made_of_shards_and_validated_on_stores(packed: Path) -> None:
    first, again = (next(iter(data_of(packed).train_dataloader())) for _ in range(2))
    assert first.pixel_values.shape == (3, 1, 64, 64)
    assert torch.equal(first.pixel_values, again.pixel_values)
    resumed = data_of(packed)
    resumed.load_state_dict({"samples": 12})
    assert not torch.equal(first.pixel_values, next(iter(resumed.train_dataloader())).pixel_values)
    assert len(list(data_of(packed).val_dataloader())) == 1


def test_missing_shards_are_named(packed: Path, tmp_path: Path) -> None:
    data = data_of(packed)
    data.weights["gone"] = 1.0
    with pytest.warns(UserWarning, match="no training images of gone"):
        data.train_dataloader()
    with pytest.raises(ValueError, match=r"no train shard of phantom.*umind data shards"):
        data_of(packed, shards=tmp_path).train_dataloader()
