"""`umind data prepare`: what can be read is stored, what cannot is listed, what is finished stays."""

import csv
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from transformers import PreTrainedTokenizerFast

from umind.cli.data import add_parser, run
from umind.cli.terminal import CallError
from umind.data.adapters.registry import ADAPTERS
from umind.data.phantom import phantom_sample
from umind.data.prepare import Prepared, prepare
from umind.data.store import Store
from umind.tokens.vocabulary import SPECIAL_TOKENS

KEYS = {
    "benign/benign (1)": "train",
    "malignant/malignant (1)": "train",
    "benign/benign (2)": "val",
    "normal/normal (1)": "val",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A look-alike of Dataset_BUSI_with_GT."""
    base = tmp_path / "data" / "Dataset_BUSI_with_GT"
    base.mkdir(parents=True)
    with (base / "splits.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([("image", "patient", "group", "split"), *((key, "", "", KEYS[key]) for key in KEYS)])
    for number, key in enumerate(KEYS):
        mask = np.zeros((64, 80), np.uint8)
        if not key.startswith("normal"):
            cv2.circle(mask, (40, 30), 12, 255, -1)
        pixels = np.random.default_rng(number).integers(0, 255, mask.shape, np.uint8)
        (base / key).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(base / f"{key}.png"), pixels)
        cv2.imwrite(str(base / f"{key}_mask.png"), mask)
    return base.parent


def small(root: Path | None, folder: Path, **kwargs: object) -> Prepared:
    settings: dict[str, object] = {"size": 64, "num_phantoms": 3, "num_val_phantoms": 2, "num_examples": 10}
    return prepare(root, folder, **(settings | kwargs))


def test_phantoms_alone(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    prepared = small(None, tmp_path, watch=lambda *args: told.append(args))
    assert prepared.stores == {"phantom-train": 3, "phantom_lesions-train": 3, "phantom-val": 2}
    assert prepared.left_out == ()
    assert told == [(name, k, n) for name, n in prepared.stores.items() for k in range(1, n + 1)]
    lesions = Store(tmp_path / "phantom_lesions-train")
    assert all({"cyst", "solid lesion"} & {name for name, _, _ in f.structures} for f in lesions.facts)
    train, val = Store(tmp_path / "phantom-train"), Store(tmp_path / "phantom-val")
    assert [f.key for f in train.facts] == [f"phantom-{1_000_000 + k}" for k in range(3)]
    assert [f.key for f in val.facts] == [f"phantom-{2_000_000 + k}" for k in range(2)]
    assert {f.split for f in val.facts} == {"val"}
    whole = phantom_sample(1_000_001, size=320).image.grey
    assert whole.shape == (320, 320)
    assert abs(float(train[1].pixels.mean()) - float(whole.mean())) < 3
    words = PreTrainedTokenizerFast.from_pretrained(tmp_path / "tokenizer")
    assert words.convert_ids_to_tokens(list(range(len(SPECIAL_TOKENS)))) == list(SPECIAL_TOKENS)


def test_sets_are_stored_and_finished_ones_stay(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    prepared = small(root, folder)
    assert prepared.stores == {
        "Dataset_BUSI_with_GT-train": 2,
        "Dataset_BUSI_with_GT-val": 2,
        "phantom-train": 3,
        "phantom_lesions-train": 3,
        "phantom-val": 2,
    }
    assert prepared.left_out == ()
    train = Store(folder / "Dataset_BUSI_with_GT-train")
    assert [f.key for f in train.facts] == ["benign/benign (1)", "malignant/malignant (1)"]
    assert (train[0].labels == 1).sum() > 200
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    assert small(root, folder).stores == prepared.stores
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()} == before
    (folder / "phantom-val" / "facts.jsonl").unlink()  # as if that one had been interrupted
    assert small(root, folder).stores == prepared.stores


def test_what_cannot_be_read_is_listed(root: Path, tmp_path: Path) -> None:
    (root / "Dataset_BUSI_with_GT" / "benign" / "benign (1).png").write_bytes(b"no picture")
    for key in ("benign/benign (2)", "normal/normal (1)"):
        (root / "Dataset_BUSI_with_GT" / f"{key}_mask.png").unlink()
    (root / "HC18").mkdir()
    (root / "unheard of").mkdir()
    prepared = small(root, tmp_path / "out")
    assert prepared.stores == {
        "Dataset_BUSI_with_GT-train": 1,
        "phantom-train": 3,
        "phantom_lesions-train": 3,
        "phantom-val": 2,
    }
    assert [item.what for item in prepared.left_out] == [
        "Dataset_BUSI_with_GT benign/benign (1)",
        "Dataset_BUSI_with_GT benign/benign (2)",
        "Dataset_BUSI_with_GT normal/normal (1)",
        "Dataset_BUSI_with_GT-val",
        "HC18-train",
        "HC18-val",
    ]
    assert all(item.reason and not item.expected for item in prepared.left_out)
    assert not (tmp_path / "out" / "Dataset_BUSI_with_GT-val").exists()


def test_sets_that_may_not_ship_are_named(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ADAPTERS["Dataset_BUSI_with_GT"], "may_ship", False)
    prepared = small(root, tmp_path / "out")
    assert set(prepared.stores) == {"phantom-train", "phantom_lesions-train", "phantom-val"}
    assert [(item.what, item.expected) for item in prepared.left_out] == [("Dataset_BUSI_with_GT", True)]
    assert "Dataset_BUSI_with_GT-train" in small(root, tmp_path / "out", all_sets=True).stores


def test_the_vocabulary_is_the_same_for_the_same_stores(tmp_path: Path) -> None:
    for name in ("a", "b"):
        small(None, tmp_path / name, num_phantoms=1 if name == "a" else 2)  # phantoms for training have no say in it
    first, second = ((tmp_path / name / "tokenizer" / "tokenizer.json").read_bytes() for name in ("a", "b"))
    assert first == second


def call(words: Sequence[str]) -> int:
    parser = ArgumentParser(prog="umind")
    add_parser(parser.add_subparsers())
    args = parser.parse_args(["data", "prepare", *words])
    assert args.run is run
    return run(args)


def test_command(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("umind.cli.data.prepare", lambda *args, **kwargs: small(*args, **(kwargs | {"num_phantoms": 2})))
    out = str(tmp_path / "out")
    assert call([str(root), "--out", out, "--size", "64"]) == 0
    said = capsys.readouterr()
    assert "Dataset_BUSI_with_GT-train: 2 images" in said.out
    assert said.err == ""  # no bar: this is no terminal
    (root / "HC18").mkdir()
    assert call([str(root), "--out", out]) == 1
    assert "left out: HC18-train: " in capsys.readouterr().err
    with pytest.raises(CallError, match="is no folder"):
        call([str(tmp_path / "nowhere"), "--out", out])
    with pytest.raises(SystemExit):
        call(["--out", out, "--size", "0"])
    with pytest.raises(ValueError, match="is no folder"):
        prepare(tmp_path / "nowhere", tmp_path)
