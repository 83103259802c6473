from __future__ import annotations

from pathlib import Path

import pytest
from adapter_lookalikes import BUILDERS, ccaus, table

from umind.data.adapters.absence import ABSENT
from umind.data.adapters.registry import ADAPTERS, open_dataset
from umind.data.adapters.splits import Record, read_splits

HEADING = ("image", "patient", "group", "split")
NOT_SHIPPED = {"TG3K", "UDIAT", "TN3K", "JNU-IFM", "CAMUS", "EchoNet-Dynamic", "FM_UIA"}


def test_every_set_has_its_facts() -> None:
    assert set(ADAPTERS) == set(ABSENT) == set(BUILDERS)
    for name, adapter in ADAPTERS.items():
        assert adapter.name == name
        assert adapter.licence
        assert adapter.citation
        assert adapter.may_ship is (name not in NOT_SHIPPED)


def test_rows_become_records(tmp_path: Path) -> None:
    table(tmp_path / "splits.csv", [HEADING, ("a/b.c_1", "", "", "train"), ("d", "7", "g", "test")])
    first, second = read_splits(tmp_path)
    assert first == Record("a/b.c_1", "train", None, "a/b.c_1")
    assert second == Record("d", "test", "7", "g")
    assert (first.folder, first.stem, second.folder, second.stem) == ("a", "b.c_1", "", "d")


def test_a_table_may_name_images_with_their_suffix(tmp_path: Path) -> None:
    rows = [HEADING, ("images/a.PNG", "1", "", "train"), ("b.v2", "2", "g", "val")]
    (tmp_path / "splits.csv").write_text("\n".join(",".join(row) for row in rows), "utf-8")
    first, second = read_splits(tmp_path)
    assert (first.key, first.group, second.key) == ("images/a", "images/a", "b.v2")


def test_a_missing_table_says_what_is_wanted(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"splits\.csv is missing; wanted is .*image,patient,group,split"):
        read_splits(tmp_path)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("image", "patient", "split"), ("a", "1", "train")], "line 2"),
        ([HEADING, ("a", "1", "g", "holdout")], "holdout"),
        ([HEADING, ("", "1", "g", "train")], "line 2"),
        ([HEADING, ("a", "1", "g", "train"), ("a", "1", "g", "test")], "names an image twice: a"),
    ],
)
def test_a_wrong_table_is_refused(rows: list[tuple[str, ...]], message: str, tmp_path: Path) -> None:
    table(tmp_path / "splits.csv", rows)
    with pytest.raises(ValueError, match=message):
        read_splits(tmp_path)


def test_unknown_folder_and_split(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"'Breasts'; known folders are BUSBRA, .*POCUS"):
        open_dataset(tmp_path / "Breasts")
    with pytest.raises(ValueError, match="holdout"):
        open_dataset(ccaus(tmp_path), ("holdout",))  # type: ignore[arg-type]


def test_indices_count_from_both_ends(tmp_path: Path) -> None:
    adapter = open_dataset(ccaus(tmp_path))
    assert adapter[-1].key == adapter[1].key
    with pytest.raises(IndexError):
        adapter[2]
