"""A set without splits.csv: patients and near-duplicates stay on one side, and the table says so."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from smooth_scans import lesion, scan

from umind.data.adapters.splits import Record, part_of
from umind.data.quality.division import keep_together, open_divided

TWINS = ("07", "21", "22")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Forty scans with masks in a folder of no name, three of them one scan; as plain division has them they are apart."""
    base = tmp_path / "scans"
    for number in range(40):
        pixels = scan(0 if f"{number:02d}" in TWINS else number + 1, number % 3)
        for folder, array in (("images", pixels), ("masks", lesion())):
            (base / folder).mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(base / folder / f"{number:02d}.png")
    assert len({part_of(f"images/{stem}", "images and masks") for stem in TWINS}) > 1
    return base


def test_what_belongs_together_goes_with_its_first() -> None:
    records = [
        Record("d", "test", None, "d"),
        Record("a", "train", "anna", "a"),
        Record("b", "val", "ben", "b"),
        Record("c", "test", "anna", "c"),
        Record("e", "val", None, "e"),
    ]
    prints = np.random.default_rng(0).integers(0, 2**63, (5, 4), dtype=np.uint64)
    prints[2] = prints[1] ^ np.uint64(1)  # b is a twin of a
    kept = keep_together(records, prints)
    assert [(record.key, record.split, record.patient, record.group) for record in kept] == [
        ("d", "test", None, "d"),
        ("a", "train", "anna", "a"),
        ("b", "train", "ben", "a"),
        ("c", "train", "anna", "a"),
        ("e", "val", None, "e"),
    ]
    assert keep_together(records[::-1], prints[::-1]) == kept[::-1]


@pytest.mark.filterwarnings("ignore:.*names no patients")
def test_the_division_is_told_of_kept_and_used(root: Path, tmp_path: Path) -> None:
    place = tmp_path / "out" / "scans-divided"
    with pytest.warns(UserWarning, match=r"scans has no splits\.csv: .* [12] of 40 images moved .*scans-divided"):
        whole = open_divided(root, place)
    together = {record.key.rpartition("/")[2]: record for record in whole.records}
    assert {(together[stem].split, together[stem].group) for stem in TWINS} == {(together["07"].split, "images/07")}
    with (place / "splits.csv").open(newline="", encoding="utf-8") as stream:
        assert [row["split"] for row in csv.DictReader(stream)] == [record.split for record in whole.records]
    parts = [open_divided(root, place, (part,)) for part in ("train", "val", "test")]  # no warning: the table is there
    assert sum(map(len, parts)) == 40
    assert all(len(part) for part in parts)
    assert {sample.split for sample in parts[0]} == {"train"}
    (place / "splits.csv").rename(root / "splits.csv")
    assert [record.group for record in open_divided(root, tmp_path / "elsewhere").records] == [
        record.group for record in whole.records
    ]
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.filterwarnings("ignore:.*names no patients", "ignore:.*has no splits")
def test_broken_images_stay_and_a_grown_set_is_refused(root: Path, tmp_path: Path) -> None:
    (root / "images" / "00.png").write_bytes(b"no picture")
    assert len(open_divided(root, tmp_path / "out").records) == 40
    for folder in ("images", "masks"):
        (root / folder / "40.png").write_bytes((root / folder / "39.png").read_bytes())
    with pytest.raises(ValueError, match=r"splits\.csv lacks images/40: the set has grown"):
        open_divided(root, tmp_path / "out")
