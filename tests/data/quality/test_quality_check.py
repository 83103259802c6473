"""Every kind of fault is planted once and found."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from smooth_scans import lesion, scan

from umind.data.quality.check import NOTES, Finding, Inspection, inspect


def busi(base: Path, rows: Sequence[tuple[str, str, str, np.ndarray]]) -> Path:
    """A look-alike of BUSI from key, split, group and pixels; normal breasts get an empty mask."""
    root = base / "Dataset_BUSI_with_GT"
    for key, _, _, pixels in rows:
        (root / key).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(root / f"{key}.png")
        Image.fromarray(lesion() * (not key.startswith("normal"))).save(root / f"{key}_mask.png")
    with (root / "splits.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(("image", "patient", "group", "split"))
        writer.writerows((key, "", group, split) for key, split, group, _ in rows)
    return root


def of_kind(inspection: Inspection, kind: str) -> list[Finding]:
    return [finding for finding in inspection.findings if finding.kind == kind]


def test_a_clean_set_has_notes_alone(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    rows = [(f"benign/benign ({k})", "train" if k < 3 else "test", f"g{k}", scan(k)) for k in range(5)]
    found = inspect(busi(tmp_path, rows), lambda *args: told.append(args))
    assert (found.format, found.num_images, found.faults) == ("Dataset_BUSI_with_GT", 5, ())
    assert [finding.kind for finding in found.findings] == ["no patients"]
    assert told == [(k, 5) for k in range(1, 6)]


def test_planted_faults_are_found(tmp_path: Path) -> None:
    rows = [
        ("benign/benign (1)", "train", "a", scan(1)),
        ("benign/benign (2)", "test", "b", scan(1, 3)),  # a near-duplicate on the other side
        ("benign/benign (3)", "train", "c", scan(3)),
        ("malignant/malignant (1)", "train", "d", scan(3, 2)),  # a near-duplicate of another class
        ("benign/benign (4)", "val", "e", scan(4)),
        ("benign/benign (5)", "val", "e", scan(4)),  # the very same pixels
        ("normal/normal (1)", "train", "f", scan(6)),
        ("benign/benign (6)", "train", "f2", scan(6, 1)),  # a lesion in what is said to be normal
        ("benign/benign (7)", "train", "g", scan(7)),
        ("benign/benign (8)", "test", "g", scan(8)),  # one group on both sides
        ("benign/benign (9)", "train", "h", scan(9)),  # broken
        ("benign/benign (10)", "train", "i", scan(10)),  # mask of another size
        ("benign/benign (11)", "train", "j", scan(11)),  # empty mask
    ]
    root = busi(tmp_path, rows)
    whole = (root / "benign" / "benign (9).png").read_bytes()
    (root / "benign" / "benign (9).png").write_bytes(whole[: len(whole) // 2])
    Image.fromarray(lesion()[:32]).save(root / "benign" / "benign (10)_mask.png")
    Image.fromarray(lesion() * 0).save(root / "benign" / "benign (11)_mask.png")
    found = inspect(root)
    assert found.num_images == 10
    assert of_kind(found, "twins in two splits")[0].keys == ("benign/benign (1)", "benign/benign (2)")
    assert [finding.keys for finding in of_kind(found, "contradiction")] == [
        ("benign/benign (3)", "malignant/malignant (1)"),
        ("normal/normal (1)", "benign/benign (6)"),
    ]
    assert "benign and malignant" in of_kind(found, "contradiction")[0].reason
    assert "breast lesion present and absent" in of_kind(found, "contradiction")[1].reason
    assert [finding.keys for finding in of_kind(found, "duplicate")] == [("benign/benign (4)", "benign/benign (5)")]
    assert [finding.reason for finding in of_kind(found, "group in two splits")] == ["g: test, train"]
    assert [finding.keys for finding in of_kind(found, "unreadable")] == [("benign/benign (9)",)]
    assert [finding.keys for finding in of_kind(found, "mask size")] == [("benign/benign (10)",)]
    assert [finding.keys for finding in of_kind(found, "empty label")] == [("benign/benign (11)",)]
    assert {finding.kind for finding in found.findings if not finding.is_fault} == {"no patients", "near-duplicate"}


def test_patients_rows_and_what_a_set_leaves_out(tmp_path: Path) -> None:
    root = tmp_path / "ward"
    for number in range(4):
        for folder, array in (("images", scan(number)), ("masks", lesion())):
            (root / folder).mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(root / folder / f"{number}.png")
    (root / "masks" / "3.png").unlink()
    Image.fromarray(lesion() * 0).save(root / "masks" / "2.png")
    rows = [
        ("images/0", "7", "", "train"),
        ("images/1", "7", "", "test"),
        ("images/2", "8", "", "val"),
        ("images/3", "9", "", "val"),
    ]
    table = [("image", "patient", "group", "split"), *rows]
    (root / "splits.csv").write_text("\n".join(",".join(row) for row in table), "utf-8")
    found = inspect(root)
    assert [finding.reason for finding in of_kind(found, "patient in two splits")] == ["7: test, train"]
    assert [(finding.keys, finding.reason) for finding in of_kind(found, "left out")] == [(("images/3",), "no mask")]
    assert [finding.keys for finding in of_kind(found, "empty label")] == [("images/2",)]
    assert not of_kind(found, "no patients")
    (root / "splits.csv").write_text("\n".join(",".join(row) for row in [*table, ("images/0", "7", "", "val")]), "utf-8")
    found = inspect(root)
    assert [finding.keys for finding in of_kind(found, "image in two splits")] == [("images/0",)]
    assert "names an image twice" in of_kind(found, "unknown set")[0].reason
    (root / "splits.csv").write_bytes(b"\xff\xfe\x00")
    assert [finding.kind for finding in inspect(root).findings] == ["unknown set"]


def test_boxes_and_points_beyond_the_image(tmp_path: Path) -> None:
    root = tmp_path / "boxes"
    root.mkdir()
    Image.fromarray(scan(1)).save(root / "a.png")
    (root / "t.jsonl").write_text(
        '{"image": "a.png", "patient": 1,'
        ' "messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": "!"}],'
        ' "boxes": [{"name": "nodule", "box": [50, 50, 90, 60]}]}\n',
        "utf-8",
    )
    assert [finding.reason for finding in of_kind(inspect(root), "outside the image")] == ["box of nodule beyond 64 x 64"]


@pytest.mark.parametrize("name", ["nothing", "HC18"])
def test_an_unknown_or_broken_folder_is_a_finding(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    found = inspect(tmp_path / name)
    assert [finding.kind for finding in found.faults] == ["unknown set"]
    assert (found.format, found.num_images) == ("", 0)


def test_a_missing_division_is_a_note(tmp_path: Path) -> None:
    root = tmp_path / "scans"
    for folder, array in (("images", scan(0)), ("masks", lesion())):
        (root / folder).mkdir(parents=True)
        Image.fromarray(array).save(root / folder / "0.png")
    found = inspect(root)
    assert found.faults == ()
    assert {finding.kind for finding in found.findings} == {"no splits", "no patients"} < set(NOTES)
