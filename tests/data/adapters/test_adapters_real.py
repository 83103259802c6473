from __future__ import annotations

import csv
import os
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from umind.data.adapters.registry import open_dataset

DATA = Path(os.environ.get("UMIND_DATA", ""))
pytestmark = pytest.mark.skipif("UMIND_DATA" not in os.environ, reason="UMIND_DATA names no folder with the real sets")
COUNTS = {
    "BUSBRA": (1165, 164, 283),
    "Dataset_BUSI_with_GT": (510, 68, 107),
    "BrEaST": (161, 16, 35),
    "HC18": (618, 87, 147),
    "MMOTU_2D": (934, 101, 224),
    "DDTI": (288, 44, 59),
    "TG3K": (897, 0, 0),
    "CCAUS": (245, 104, 135),
    "USGRA": (180, 23, 18),
    "Liver_lesions": (15, 0, 12),
    "POCUS": (491, 90, 317),
}


@pytest.mark.parametrize("name", COUNTS)
def test_counts_and_leaks(name: str) -> None:
    adapter = open_dataset(DATA / name)
    with (DATA / name / "splits.csv").open(newline="", encoding="utf-8") as stream:
        rows = {row["image"]: row["split"] for row in csv.DictReader(stream)}
    skipped = dict(adapter.skipped)
    assert len(adapter) + len(skipped) == len(rows)
    assert {record.key for record in adapter.records} | set(skipped) == set(rows)
    counts = Counter(rows.values())
    assert tuple(counts[split] for split in ("train", "val", "test")) == COUNTS[name]
    assert len(skipped) == (11 if name == "DDTI" else 0)
    parts = defaultdict(set)
    for record in adapter.records:
        parts["group", record.group].add(record.split)
        if record.patient is not None:
            parts["patient", record.patient].add(record.split)
    assert all(len(splits) == 1 for splits in parts.values())


@pytest.mark.parametrize("name", COUNTS)
def test_first_middle_and_last_read(name: str) -> None:
    adapter = open_dataset(DATA / name)
    for index in (0, len(adapter) // 2, -1):
        sample = adapter[index]
        assert sample.structures or sample.attributes or sample.absent
        for structure in sample.structures:
            assert structure.masks.shape[1:] == (sample.image.height, sample.image.width)


def test_spacing_fits_the_resized_heads() -> None:
    """The drawn line is inside the mask, so its circumference is about 1 % long, never shorter."""
    adapter = open_dataset(DATA / "HC18", ("val",))
    for index in range(0, len(adapter), 10):
        sample = adapter[index]
        assert sample.image.spacing is not None
        mask, spacing = sample.structures[0].masks[0], sample.image.spacing
        columns, rows = mask.any(0).sum() * spacing.dx, mask.any(1).sum() * spacing.dy
        assert sample.measurements["head circumference"] == pytest.approx(3.1416 * (columns + rows) / 2, rel=0.08)
