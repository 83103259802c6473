"""A hospital's COCO folder, with what is wrong in such folders, from the file to a model that answers to its categories.

The commands are those of ``examples/fine_tune_own_folder.md``, on tiny sizes.
"""

import json
import shlex
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from pycocotools import mask as run_length

from umind import UMindVL
from umind.backbone.pixels import PixelConfig
from umind.checkpoint import save
from umind.cli.main import main
from umind.data import prepare as preparing
from umind.data.store import Store
from umind.decoders.config import DecoderConfig
from umind.model import UMindConfig, UMindModel
from umind.processor.processor import UMindImageProcessor, UMindProcessor
from umind.tokens.tokenizer import train_tokenizer

REPOSITORY = Path(__file__).parents[2]
RECIPE = REPOSITORY / "examples" / "fine_tune_own_folder.md"
HEIGHT, WIDTH, NUM = 48, 64, 24
LIVER, CYST = 1, 7
BROKEN, EMPTY, MANY, CROWD, NOTHING = 4, 5, 12, 14, 16
TEXT = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2, "head_dim": 16}

pytestmark = [
    pytest.mark.filterwarnings("ignore::jsonargparse._deprecated.JsonargparseDeprecationWarning"),  # LightningCLI's own calls
    pytest.mark.filterwarnings("ignore:.*does not have many workers:UserWarning"),  # a tiny run needs none
    pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning"),  # Lightning calls what torch has renamed
    pytest.mark.filterwarnings("ignore:.*has no splits.csv:UserWarning"),
    pytest.mark.filterwarnings("ignore:__array__ implementation"),  # pycocotools 2.0.11 decodes with NumPy 1's protocol
]


def hospital(root: Path) -> None:
    """Speckle with a liver in each image, as a polygon, and cysts, as run lengths and boxes; and what is wrong."""
    annotations = []
    (root / "images").mkdir(parents=True)
    for number in range(NUM):
        rng = np.random.default_rng(number)
        pixels = rng.integers(0, 90, (HEIGHT, WIDTH), np.uint8)
        x, y = (int(rng.integers(low, low + 12)) for low in (16, 14))
        corners = [(x - 12, y - 8), (x + 14, y - 8), (x + 14, y + 10), (x - 12, y + 10)]
        cv2.fillPoly(pixels, [np.array(corners)], 170)
        polygon = {"segmentation": [np.ravel(corners).tolist()], "bbox": [x - 12, y - 8, 26, 18]}
        disc = np.zeros((HEIGHT, WIDTH), np.uint8)
        cv2.circle(disc, (x, y), 6, 1, -1)
        pixels[disc > 0] = 10
        if number == NOTHING:
            marked = []
        elif number == EMPTY:
            marked = [{"category_id": LIVER, "segmentation": [], "bbox": [0, 0, 0, 0]}]
        elif number == CROWD:
            marked = [{"category_id": LIVER, "iscrowd": 1, "segmentation": plain_code(disc)}]
        elif number == MANY:
            marked = [{"category_id": CYST, "segmentation": plain_code(disc)}] * 256
        elif number % 3 == 0:
            marked = [{"category_id": LIVER} | polygon, {"category_id": CYST, "bbox": [x - 6, y - 6, 13, 13]}]
        else:
            marked = [{"category_id": CYST, "segmentation": plain_code(disc)}, {"category_id": LIVER} | polygon]
        annotations += [{"image_id": number, "iscrowd": 0} | entry for entry in marked]
        path = root / "images" / f"{number:02d}.png"
        Image.fromarray(pixels).save(path)
        if number == BROKEN:
            path.write_bytes(path.read_bytes()[:60])
    listed = {"width": WIDTH, "height": HEIGHT}
    content = {
        "images": [{"id": k, "file_name": f"{k:02d}.png", "patient": f"P{k // 2}"} | listed for k in range(NUM)],
        "annotations": [entry | {"id": k} for k, entry in enumerate(annotations)],
        "categories": [{"id": LIVER, "name": "Liver"}, {"id": CYST, "name": "Kyste_rénal"}],
    }
    (root / "annotations").mkdir()
    (root / "annotations" / "instances.json").write_text(json.dumps(content), "utf-8")


def plain_code(mask: np.ndarray) -> dict[str, object]:
    coded = run_length.encode(np.asfortranarray(mask))
    return {"size": [HEIGHT, WIDTH], "counts": coded["counts"].decode("ascii")}


def small_model(folder: Path) -> None:
    """An untrained model that has never read a word of the categories."""
    words = train_tokenizer(["segment the cyst", "yes no"], vocab_size=300)
    torch.manual_seed(0)
    config = UMindConfig.tiny(vocab_size=len(words), **TEXT)
    config.pixel_config = PixelConfig(encoder="mobilenetv2_035", image_size=64, width=16, mask_channels=8)
    config.decoder_config = DecoderConfig(instance_size=32, kernel_channels=8)
    save(UMindModel(config), UMindProcessor(UMindImageProcessor(size=64), words, config.pixel_config.num_tokens), folder)


TINY = {
    "model": {"init": "init", "warmup_steps": 1},
    "data": {"batch_size": 4, "num_samples": 8, "val_limit": 2, "num_workers": 0},
    "trainer": {
        "max_steps": 2,
        "val_check_interval": 2,
        "accelerator": "cpu",
        "precision": "32-true",
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "log_every_n_steps": 1,
    },
}


def commands() -> list[list[str]]:
    return [shlex.split(line)[1:] for line in RECIPE.read_text("utf-8").splitlines() if line.startswith("umind ")]


def test_the_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    hospital(tmp_path / "scans" / "my_scans")
    shutil.copytree(REPOSITORY / "configs", tmp_path / "configs")
    small_model(tmp_path / "init")
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(TINY), "utf-8")
    monkeypatch.chdir(tmp_path)
    whole, few = preparing.prepare, {"size": 64, "num_phantoms": 2, "num_val_phantoms": 2, "num_examples": 10}
    monkeypatch.setattr("umind.cli.data.prepare", lambda *args, **kwargs: whole(*args, **(kwargs | few)))
    check, prepare, fit, segment = commands()

    assert main(check) == 1
    said = capsys.readouterr().out
    assert f"COCO, {NUM - 2} images read" in said
    assert f"images/{BROKEN:02d}" in said
    assert "neither an outline nor a box" in said

    assert main(prepare) == 1
    left_out = capsys.readouterr().err
    assert all(f"left out: my_scans images/{number:02d}: " in left_out for number in (BROKEN, EMPTY, MANY))
    assert left_out.count("left out") == 3
    stores = [Store(Path(".cache/own") / f"my_scans-{part}") for part in ("train", "val")]
    facts = {fact.key: fact for store in stores for fact in store.facts}
    assert {name for fact in facts.values() for name, _, _ in fact.structures} == {"liver", "kyste rénal"}
    crowded, bare = (facts[f"images/{number:02d}"] for number in (CROWD, NOTHING))
    assert (crowded.structures, list(crowded.absent)) == ([], ["kyste rénal"])
    assert (bare.structures, list(bare.absent)) == ([], ["liver", "kyste rénal"])
    assert any(fact.boxed for fact in facts.values())
    for store in stores:
        for place, fact in enumerate(store.facts):
            names = [name for name, _, _ in fact.structures]
            if "kyste rénal" in names and not fact.boxed:  # painted over by no liver, whatever their order
                assert (store[place].labels == 1 + names.index("kyste rénal")).sum() > 80

    assert main([*fit, "--config", "tiny.yaml"]) == 0
    state = torch.load("runs/own_folder/checkpoints/last.ckpt", weights_only=True)
    assert (state["global_step"], state["MixtureData"]["samples"]) == (2, 8)
    capsys.readouterr()
    assert main([*segment, "--model", "init"]) == 0  # which the adapter was learnt on, in place of umind-tiny
    assert "liver" in capsys.readouterr().out

    model = UMindVL.from_pretrained("init", device="cpu", adapter="runs/own_folder/model")
    for phrase in ("liver", "kyste rénal"):
        found = model.segment("scans/my_scans/images/01.png", phrase, threshold=0)
        assert found.phrase == phrase
        assert 0 < found.presence < 1
        assert found.masks.shape[1:] == (HEIGHT, WIDTH)
