"""The training stream: example i depends on the seed and on i alone."""

from pathlib import Path

import numpy as np
import pytest
import torch

from umind.data.datamodule import MixtureData
from umind.data.examples import Example
from umind.data.labelled import Facts
from umind.data.mixture import Mixture, Onward, image_odds
from umind.data.phantom import phantom_sample
from umind.data.store import Store
from umind.processor.processor import UMindImageProcessor, UMindProcessor
from umind.schema.batch import Batch
from umind.tokens.tokenizer import train_tokenizer


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stores")
    for name, seeds in (("near", range(6)), ("far", range(50, 58))):
        Store.write(folder / f"{name}-train", [phantom_sample(seed, size=64) for seed in seeds], len(seeds), 64)
    Store.write(folder / "near-val", [phantom_sample(seed, size=64) for seed in range(90, 93)], 3, 64)
    return folder


def data_of(folder: Path, **kwargs: object) -> MixtureData:
    settings: dict[str, object] = {"batch_size": 3, "num_samples": 13, "num_workers": 0, "seed": 5}
    data = MixtureData(folder, {"near": 0.25, "far": 0.75}, **(settings | kwargs))
    data.attach(UMindProcessor(UMindImageProcessor(size=64), train_tokenizer(["segment the cyst"]), 4))
    return data


def same(first: Example, second: Example) -> bool:
    masks = zip(first.regions, second.regions, strict=True)
    return (
        np.array_equal(first.pixels, second.pixels)
        and first.blocks == second.blocks
        and np.array_equal(first.points, second.points)
        and all(np.array_equal(a.masks, b.masks) for a, b in masks)
    )


def test_an_example_depends_on_seed_and_number_alone(folder: Path) -> None:
    stores = [Store(folder / "near-train"), Store(folder / "far-train")]
    mixture = Mixture(stores, [1, 3], size=64, seed=5)
    forwards = [mixture[k] for k in range(8)]
    backwards = [Mixture(stores, [1, 3], size=64, seed=5)[k] for k in reversed(range(8))]
    assert all(same(a, b) for a, b in zip(forwards, reversed(backwards), strict=True))
    assert not same(forwards[0], Mixture(stores, [1, 3], size=64, seed=6)[0])
    assert not same(forwards[0], forwards[1])


def test_rare_classes_are_drawn_more_often_where_there_are_more_than_two() -> None:
    def facts(*kinds: str) -> list[Facts]:
        return [Facts("set", "train", "", "", "", (("mass", 1, {"class": kind} if kind else {}),), (), {}) for kind in kinds]

    odds = image_odds(facts(*"aaaaaaaaabbbbc", ""))
    shares = [odds[:9].sum(), odds[9:13].sum(), odds[13], odds[14]]
    np.testing.assert_allclose(shares, np.array([3, 2, 1, 1]) / 7)
    np.testing.assert_allclose(image_odds(facts(*"aaab", "")), 1 / 5)
    scanned = [Facts("set", "train", "", "", "lung", (), (), {"class": kind}) for kind in "aaaabc"]
    np.testing.assert_allclose(image_odds(scanned), np.array([0.5, 0.5, 0.5, 0.5, 1, 1]) / 4)


def test_stores_are_drawn_by_weight(folder: Path) -> None:
    stores = [Store(folder / "near-train"), Store(folder / "far-train")]
    plain = Mixture(stores, [1, 3], size=64, seed=0, augmented=False)
    near = {stores[0][k].pixels.tobytes() for k in range(len(stores[0]))}
    share = np.mean([plain[k].pixels.tobytes() in near for k in range(300)])
    assert share == pytest.approx(0.25, abs=0.08)


def test_stream_is_the_same_for_any_number_of_workers(folder: Path) -> None:
    streams: list[list[Batch]] = [list(data_of(folder, num_workers=n).train_dataloader()) for n in (0, 1, 2)]
    for stream in streams:
        assert len(stream) == 4  # the thirteenth sample would not fill a batch
    for batches in zip(*streams, strict=True):
        for other in batches[1:]:
            assert torch.equal(batches[0].pixel_values, other.pixel_values)
            assert torch.equal(batches[0].input_ids, other.input_ids)
            assert torch.equal(batches[0].labels, other.labels)
            assert torch.equal(batches[0].regions.masks, other.regions.masks)
            assert torch.equal(batches[0].regions.sites, other.regions.sites)
            assert torch.equal(batches[0].points, other.points)


def test_onward_resumes_at_the_sample_and_keeps_its_length() -> None:
    assert list(Onward(0, 6)) == [0, 1, 2, 3, 4, 5]
    late = Onward(4, 6)
    assert list(late) == [4, 5]
    assert len(late) == 6
    late.set_epoch(1)
    assert list(late) == [6, 7, 8, 9, 10, 11]
    assert list(Onward(8, 6)) == [8, 9, 10, 11]
    assert list(Onward(12, 6)) == [12, 13, 14, 15, 16, 17]


def test_processes_deal_the_stream_out_in_turn() -> None:
    ranks = [Onward(4, 12, rank=rank, num_ranks=2) for rank in range(2)]
    assert [list(rank) for rank in ranks] == [[4, 6, 8, 10], [5, 7, 9, 11]]
    assert [len(rank) for rank in ranks] == [6, 6]
    for rank in ranks:
        rank.set_epoch(1)
    assert [list(rank) for rank in ranks] == [list(range(12, 24, 2)), list(range(13, 24, 2))]


def test_stream_goes_on_where_it_stopped(folder: Path) -> None:
    whole = list(data_of(folder).train_dataloader())
    late = data_of(folder)
    late.load_state_dict({"samples": 6})
    assert late.state_dict() == {"samples": 6}
    for wanted, batch in zip(whole[2:], late.train_dataloader(), strict=True):
        assert torch.equal(wanted.pixel_values, batch.pixel_values)
        assert torch.equal(wanted.input_ids, batch.input_ids)
    assert len(late.train_dataloader()) == 4


def test_missing_stores_are_named(folder: Path, tmp_path: Path) -> None:
    data = data_of(folder)
    data.weights["gone"] = 1.0
    with pytest.warns(UserWarning, match="no training images of gone"):
        data.train_dataloader()
    assert len(list(data.val_dataloader())) == 1
    with pytest.raises(ValueError, match=r"no test store of near, far, gone.*umind data prepare"):
        data.test_dataloader()
    (folder / "gone-train").mkdir()
    with pytest.raises(ValueError, match="no store in"):
        data.train_dataloader()
    (folder / "gone-train").rmdir()
