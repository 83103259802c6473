"""A manifest holds what the set holds, and notices every changed file."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from umind.data.adapters.registry import open_dataset
from umind.data.quality.manifest import entries, read_manifest, write_manifest


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two fetal heads with their scale, and one whose mask is missing."""
    base = tmp_path / "sets" / "HC18"
    (base / "training_set").mkdir(parents=True)
    mask = np.zeros((48, 64), np.uint8)
    mask[10:30, 20:50] = 255
    for stem in ("000_HC", "001_HC", "002_HC"):
        Image.fromarray(np.random.default_rng(int(stem[:3])).integers(0, 256, mask.shape, np.uint8)).save(
            base / "training_set" / f"{stem}.png"
        )
        Image.fromarray(mask).save(base / "training_set" / f"{stem}_Annotation.png")
    (base / "training_set" / "002_HC_Annotation.png").unlink()
    rows = [f"{stem}.png,0.25,70.5" for stem in ("000_HC", "001_HC", "002_HC")]
    heading = "filename,pixel size(mm),head circumference (mm)"
    (base / "training_set_pixel_size_and_HC.csv").write_text("\n".join([heading, *rows]), "utf-8")
    splits = [f"training_set/{stem}_HC,{stem},,train" for stem in ("000", "001", "002")]
    (base / "splits.csv").write_text("\n".join(["image,patient,group,split", *splits]), "utf-8")
    return base


def test_round_trip_and_changed_files(root: Path, tmp_path: Path) -> None:
    path = tmp_path / "out" / "manifest.jsonl"
    assert write_manifest(path, entries(open_dataset(root))) == 2
    assert len(path.read_text("utf-8").splitlines()) == 2
    first, second = read_manifest(path, root.parent)
    picture = root / "training_set" / "000_HC.png"
    assert (first.dataset, first.path) == ("HC18", "HC18/training_set/000_HC.png")
    assert first.sha256 == hashlib.sha256(picture.read_bytes()).hexdigest() != second.sha256
    assert (first.height, first.width, first.spacing) == (48, 64, (0.25, 0.25))
    assert (first.split, first.patient, first.organ) == ("train", "000", "fetal head")
    assert first.structures == {"fetal head": 1}
    assert "breast lesion" in first.absent
    picture.write_bytes(picture.read_bytes() + b"\0")
    with pytest.raises(ValueError, match=r"1 of 2 files are missing or changed .*: HC18/training_set/000_HC\.png"):
        read_manifest(path, root.parent)
    picture.unlink()
    with pytest.raises(ValueError, match="1 of 2 files"):
        read_manifest(path, root.parent)


@pytest.mark.parametrize("line", ["{", "[]", '{"dataset": "HC18"}'])
def test_a_wrong_line_is_named(line: str, root: Path, tmp_path: Path) -> None:
    path = tmp_path / "manifest.jsonl"
    write_manifest(path, entries(open_dataset(root)))
    path.write_text(path.read_text("utf-8") + line + "\n", "utf-8")
    with pytest.raises(ValueError, match=r"manifest\.jsonl, line 3: no entry"):
        read_manifest(path, root.parent)


def test_an_unfinished_manifest_leaves_the_old_one(root: Path, tmp_path: Path) -> None:
    path = tmp_path / "manifest.jsonl"
    write_manifest(path, entries(open_dataset(root)))
    before = path.read_text("utf-8")

    def broken() -> object:
        yield from entries(open_dataset(root))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_manifest(path, broken())  # type: ignore[arg-type]
    assert path.read_text("utf-8") == before
    assert json.loads(before.splitlines()[0])["key"] == "training_set/000_HC"
