"""Sets of questions, answers and reports reach the stores, and a benchmark never reaches those for training."""

import base64
import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from transformers import PreTrainedTokenizerFast

from umind.data.prepare import Prepared, prepare
from umind.data.store import Store
from umind.schema.sample import Exchange

QUESTION = "Siehst du ein Überbein?"


def picture(seed: int) -> Image.Image:
    noise = np.random.default_rng(seed).integers(0, 255, (8, 8), np.uint8)
    return Image.fromarray(noise).resize((64, 64))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Conversations about two images, and a benchmark of one question."""
    root = tmp_path / "sets"
    (root / "talks").mkdir(parents=True)
    lines = []
    for number, split in enumerate(("train", "val")):
        picture(number).save(root / "talks" / f"{number}.png")
        turns = [{"from": "human", "value": f"<image>{QUESTION}"}, {"from": "gpt", "value": "Ja, am Handgelenk."}]
        boxes = [{"name": "Überbein", "box": [4, 8, 20, 30]}]
        record = {"images": [f"{number}.png"], "conversations": turns, "boxes": boxes, "language": "de", "split": split}
        lines.append(json.dumps(record | {"report": "Ein Überbein."}))
    (root / "talks" / "all.jsonl").write_text("\n".join(lines), "utf-8")
    stream = io.BytesIO()
    picture(7).save(stream, "PNG")
    row = {
        "dataset_name": "07",
        "img_data": base64.b64encode(stream.getvalue()).decode(),
        "prompt": "Is it benign?",
        "anatomy_location": "breast",
        "class_label": "benign",
    }
    (root / "bench" / "disease_diagnosis").mkdir(parents=True)
    with (root / "bench" / "disease_diagnosis" / "07.tsv").open("w", newline="", encoding="utf-8") as table:
        writer = csv.DictWriter(table, list(row), delimiter="\t")
        writer.writeheader()
        writer.writerow(row)
    return root


def small(root: Path, folder: Path, **kwargs: object) -> Prepared:
    few: dict[str, object] = {"size": 64, "num_phantoms": 2, "num_val_phantoms": 2, "num_examples": 200, "all_sets": True}
    return prepare(root, folder, **(few | kwargs))


@pytest.mark.filterwarnings("ignore:.*names no patients", "ignore:.*has no splits")
def test_words_are_stored_and_a_benchmark_is_test_alone(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    prepared = small(root, out)
    assert prepared.left_out == ()
    assert {name for name in prepared.stores if not name.startswith("phantom")} == {"talks-train", "talks-val"}
    item = Store(out / "talks-train")[0]
    assert item.exchanges == (Exchange(QUESTION, answer="Ja, am Handgelenk.", language="de"),)
    assert item.report == "Ein Überbein."
    np.testing.assert_array_equal(item.boxes, [[4, 8, 20, 30]])
    assert [(name, count) for name, count, _ in item.facts.structures] == [("überbein", 0)]
    words = PreTrainedTokenizerFast.from_pretrained(out / "tokenizer")
    assert len(words.tokenize("am handgelenk")) <= 3  # learned from their answers

    tested = small(root, out, splits=("train", "val", "test"))
    assert tested.stores.keys() - prepared.stores.keys() == {"bench-test"}
    asked = Store(out / "bench-test")[0]
    assert (asked.facts.organ, asked.exchanges) == ("breast", (Exchange("Is it benign?", answer="benign"),))
