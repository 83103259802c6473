"""A set of phantoms written as COCO: pycocotools reads it, scores it against itself, and our own adapter takes it back."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from umind.data.adapters.registry import open_dataset
from umind.data.phantom import phantom_sample
from umind.export import to_coco
from umind.geometry.frame import FrameMap
from umind.schema.result import Segmentation
from umind.schema.sample import Sample, Structure

SIZE = 96
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation"),  # pycocotools 2.0.11 decodes with NumPy 1's protocol
    pytest.mark.filterwarnings("ignore:.*names no patients:UserWarning"),
]


def segmentation_of(structure: Structure) -> Segmentation:
    """A structure as a result whose masks are exactly its own."""
    logits = np.where(structure.masks, 8, -8).astype(np.float32)
    scores = np.linspace(0.9, 0.5, len(logits), dtype=np.float32)
    frame = FrameMap.letterbox(SIZE, SIZE, SIZE)
    return Segmentation(logits, frame=frame, scores=scores, presence=0.99, phrase=structure.name)


@pytest.fixture(scope="module")
def samples() -> dict[str, Sample]:
    return {f"phantom-{seed}": phantom_sample(seed, size=SIZE) for seed in range(16)}


@pytest.fixture(scope="module")
def folder(samples: dict[str, Sample], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("coco") / "phantoms"
    (folder / "images").mkdir(parents=True)
    pairs = [(sample.image, [segmentation_of(s) for s in sample.structures]) for sample in samples.values()]
    content = to_coco(pairs)
    for entry, (key, sample) in zip(content["images"], samples.items(), strict=True):
        entry["file_name"] = f"{key}.png"
        Image.fromarray(sample.image.pixels).save(folder / "images" / entry["file_name"])
    (folder / "annotations.json").write_text(json.dumps(content, allow_nan=False), "utf-8")
    return folder


def test_pycocotools_loads_it(folder: Path, samples: dict[str, Sample]) -> None:
    coco = COCO(folder / "annotations.json")
    names = {category["id"]: category["name"] for category in coco.loadCats(coco.getCatIds())}
    assert {"cyst", "solid lesion", "fetal head", "carotid artery"} == set(names.values())
    for entry in coco.loadImgs(coco.getImgIds()):
        found = coco.loadAnns(coco.getAnnIds(imgIds=entry["id"]))
        truth = [(s.name, mask) for s in samples[Path(entry["file_name"]).stem].structures for mask in s.masks]
        assert len(found) == len(truth)
        for annotation, (name, mask) in zip(found, truth, strict=True):
            assert names[annotation["category_id"]] == name
            np.testing.assert_array_equal(coco.annToMask(annotation).astype(bool), mask)
            assert annotation["area"] == mask.sum()


@pytest.mark.parametrize("kind", ["segm", "bbox"])
def test_it_reaches_a_perfect_score_against_itself(folder: Path, kind: str) -> None:
    coco = COCO(folder / "annotations.json")
    found = coco.loadRes([dict(annotation) for annotation in coco.dataset["annotations"]])
    figures = COCOeval(coco, found, kind)
    figures.evaluate()
    figures.accumulate()
    figures.summarize()
    assert figures.stats[0] == pytest.approx(1)


def test_our_own_adapter_takes_it_back(folder: Path, samples: dict[str, Sample]) -> None:
    adapter = open_dataset(folder)
    assert adapter.name == "COCO"
    assert len(adapter) == len(samples)
    for back in adapter:
        sample = samples[Path(back.key).name]
        assert [structure.name for structure in back.structures] == [s.name for s in sample.structures if len(s.masks)]
        for structure in back.structures:
            wanted = sample.structure(structure.name)
            assert wanted is not None
            np.testing.assert_array_equal(structure.masks, wanted.masks)
