"""Images with a twin in train are found, written, read again and left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.images import open_images
from benchmarks.twins import TWINS, Pair, main, read_pairs, twins_of_training


def test_the_command_finds_the_copies(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = data / "deep" / "twins.csv"
    main(["--data", str(data), "--out", str(table)])
    assert list(read_pairs(table)) == [
        Pair("BUSBRA", "Images/bus_b", "test", "Images/bus_a", "train"),
        Pair("BUSBRA", "Images/bus_d", "test", "Images/bus_c", "val"),
    ]
    assert table.read_text().splitlines()[0] == "dataset,key,split,twin,twin_split"
    assert "BUSBRA: 2 pairs, 1 images with a twin in train" in capsys.readouterr().out


def test_a_twin_in_train_is_left_out_and_counted(data: Path) -> None:
    table = data / "twins.csv"
    main(["--data", str(data), "--out", str(table)])
    images = open_images(data, "test", table=table)
    assert [sample.key for sample in images.samples] == ["Images/bus_d"]
    assert images.facts == {"split": "test", "limit": None, "data": {"BUSBRA": 1}, "left_out": {"BUSBRA": 1}}
    validation = open_images(data, "val", limit=1, table=table).facts
    assert (validation["data"], validation["left_out"]) == ({"BUSBRA": 1}, {"BUSBRA": 0})


@pytest.mark.parametrize("settings", [{"with_twins": True, "table": "twins.csv"}, {"table": "no.csv"}])
def test_twins_stay_when_asked_or_unknown(data: Path, settings: dict[str, object]) -> None:
    main(["--data", str(data), "--out", str(data / "twins.csv")])
    images = open_images(data, "test", **(settings | {"table": data / str(settings["table"])}))
    assert images.facts["data"] == {"BUSBRA": 2}
    assert images.facts["left_out"] == {"BUSBRA": 0}


def test_the_table_in_the_repository() -> None:
    pairs = list(read_pairs(TWINS))
    assert len(pairs) == len(set(pairs)) > 0
    assert {(pair.split, pair.twin_split) for pair in pairs} <= {("val", "train"), ("test", "train"), ("test", "val")}
    assert {name: len(keys) for name, keys in twins_of_training().items()} == {
        "Dataset_BUSI_with_GT": 12,
        "MMOTU_2D": 9,
        "USGRA": 5,
        "POCUS": 11,
    }
