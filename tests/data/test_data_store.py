"""Stores and what they hold: nothing is lost, nothing unfinished is taken for whole."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from umind.data.labelled import labelled
from umind.data.phantom import phantom_sample
from umind.data.store import EmptyStoreError, Store
from umind.schema.image import UltrasoundImage
from umind.schema.sample import Sample, Structure


def sample_of(*structures: Structure, height: int = 40, width: int = 40, absent: tuple[str, ...] = ()) -> Sample:
    pixels = np.random.default_rng(0).integers(0, 255, (height, width), np.uint8)
    return Sample(
        UltrasoundImage(pixels), key="a/b", dataset="s", split="val", organ="breast", structures=structures, absent=absent
    )


def mask_of(top: int, left: int, side: int = 8, shape: tuple[int, int] = (40, 40)) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[top : top + side, left : left + side] = True
    return mask


def test_round_trip(tmp_path: Path) -> None:
    samples = [phantom_sample(seed, size=64 + 8 * seed) for seed in range(5)]
    written = Store.write(tmp_path / "phantom-train", samples, len(samples), 96)
    read = Store(tmp_path / "phantom-train")
    assert len(read) == len(written) == 5
    for sample, item in zip(samples, (read[k] for k in range(5)), strict=True):
        wanted = labelled(sample, 96)
        np.testing.assert_array_equal(item.pixels, wanted.pixels)
        np.testing.assert_array_equal(item.labels, wanted.labels)
        assert (item.facts.key, item.facts.organ, tuple(item.facts.absent)) == (sample.key, sample.organ, sample.absent)
        shown = [(s.name, len(s.masks), dict(s.attributes)) for s in sample.structures]
        assert [(name, count, dict(attributes)) for name, count, attributes in item.facts.structures] == shown


def test_items_do_not_write_through(tmp_path: Path) -> None:
    store = Store.write(tmp_path / "s", [sample_of()], 1, 64)
    before = store[0].pixels.copy()
    store[0].pixels[:] = 0
    np.testing.assert_array_equal(store[0].pixels, before)


def test_interrupted_store_is_refused(tmp_path: Path) -> None:
    def cut() -> Iterator[Sample]:
        yield sample_of()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Store.write(tmp_path / "s", cut(), 2, 64)
    with pytest.raises(ValueError, match="umind data prepare"):
        Store(tmp_path / "s")
    Store.write(tmp_path / "s", [sample_of(), sample_of()], 2, 64)
    with pytest.raises(KeyboardInterrupt):  # also where a whole store stood before
        Store.write(tmp_path / "s", cut(), 2, 64)
    with pytest.raises(ValueError, match="no store"):
        Store(tmp_path / "s")


def test_fewer_samples_than_announced(tmp_path: Path) -> None:
    assert len(Store.write(tmp_path / "s", [sample_of()], 7, 64)) == 1
    with pytest.raises(EmptyStoreError, match="nothing to store"):
        Store.write(tmp_path / "empty", [], 7, 64)


def test_instances_are_numbered_through_and_the_later_one_wins() -> None:
    first = Structure("cyst", masks=np.stack([mask_of(2, 2), mask_of(20, 20)]))
    second = Structure("solid lesion", masks=mask_of(6, 6)[None], attributes={"shape": "oval"})
    item = labelled(sample_of(first, second), 40)
    assert set(np.unique(item.labels)) == {0, 1, 2, 3}
    np.testing.assert_array_equal(item.labels == 3, mask_of(6, 6))
    np.testing.assert_array_equal(item.labels == 1, mask_of(2, 2) & ~mask_of(6, 6))
    np.testing.assert_array_equal(item.labels == 2, mask_of(20, 20))
    assert item.facts.structures == (("cyst", 2, {}), ("solid lesion", 1, {"shape": "oval"}))
    assert item.facts.group == "a/b"


def test_facts_come_back(tmp_path: Path) -> None:
    sample = replace(sample_of(Structure("cyst", masks=mask_of(2, 2)[None])), stretch=0.99)
    assert Store.write(tmp_path / "s", [sample], 1, 40)[0].facts.stretch == 0.99
    lines = (tmp_path / "s" / "facts.jsonl").read_text()
    (tmp_path / "s" / "facts.jsonl").write_text(lines.replace('"stretch": 0.99', '"unknown": 0'))
    assert Store(tmp_path / "s")[0].facts.stretch == 1


def test_labels_are_letterboxed_with_the_pixels() -> None:
    mask = mask_of(4, 10, side=12, shape=(40, 80))
    item = labelled(sample_of(Structure("cyst", masks=mask[None]), height=40, width=80), 160)
    wanted = np.zeros((160, 160), bool)
    wanted[48:72, 20:44] = True  # twice as large, 40 rows further down
    assert (item.labels.astype(bool) ^ wanted).sum() <= 4  # the four corners


def test_more_instances_than_bytes_have_are_refused() -> None:
    masks = np.zeros((256, 40, 40), bool)
    with pytest.raises(ValueError, match="256 instances"):
        labelled(sample_of(Structure("cyst", masks=masks)), 40)
