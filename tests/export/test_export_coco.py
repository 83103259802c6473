from __future__ import annotations

import json

import numpy as np
import pytest
from pycocotools.coco import COCO

from umind.export import to_coco
from umind.schema.image import UltrasoundImage
from umind.schema.result import Analysis


def load(data, folder):
    path = folder / "coco.json"
    path.write_text(json.dumps(data, allow_nan=False), "utf-8")
    return COCO(path)


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # pycocotools 2.0.11 decodes with NumPy 1's protocol
def test_masks_load_in_pycocotools(image, segmentation, tmp_path):
    coco = load(to_coco([(image, segmentation)]), tmp_path)
    annotations = coco.loadAnns(coco.getAnnIds())
    assert len(annotations) == 2
    for annotation, mask in zip(annotations, segmentation.masks, strict=True):
        np.testing.assert_array_equal(coco.annToMask(annotation).astype(bool), mask)
        assert annotation["area"] == mask.sum()
        rows, columns = mask.nonzero()
        x, y, wide, high = annotation["bbox"]
        assert (x, y, x + wide, y + high) == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert coco.loadCats(1)[0]["name"] == "breast lesion"
    assert coco.loadImgs(1)[0] == {"id": 1, "file_name": "scan.png", "height": 60, "width": 90}


def test_analysis_counts_no_instance_twice(image, analysis, absent, tmp_path):
    coco = load(to_coco([(image, analysis), (image, [absent])]), tmp_path)
    names = {category["id"]: category["name"] for category in coco.loadCats(coco.getCatIds())}
    assert list(names.values()) == ["breast lesion", "left ventricle", "cyst", "femur"]
    kinds = [names[annotation["category_id"]] for annotation in coco.loadAnns(coco.getAnnIds())]
    assert kinds == ["breast lesion", "breast lesion", "left ventricle"]
    assert coco.getAnnIds(imgIds=2) == []
    assert len(coco.getImgIds()) == 2


def test_boxes_and_keypoints(image, results, tmp_path):
    coco = load(to_coco([(image, [results["Detection"], results["Keypoints"]])]), tmp_path)
    box, points = coco.loadAnns(coco.getAnnIds())
    assert box["bbox"] == [10.5, 5.0, 19.5, 20.0]
    assert box["area"] == 390
    assert box["score"] == pytest.approx(0.8)
    assert points["keypoints"] == [20, 30.25, 2, 40, 10, 2]
    assert points["num_keypoints"] == 2
    assert coco.loadCats(points["category_id"])[0]["keypoints"] == ["apex", "base"]


def test_answers_and_reports_give_their_evidence(image, results):
    assert len(to_coco([(image, results["Answer"])])["annotations"]) == 2
    assert len(to_coco([(image, results["Report"])])["annotations"]) == 2
    assert to_coco([(image, results["Measurement"])])["annotations"] == []
    assert to_coco([])["images"] == []


def test_masks_of_another_image_are_refused(segmentation):
    other = UltrasoundImage(np.zeros((8, 8), np.uint8), name="other")
    with pytest.raises(ValueError, match="other"):
        to_coco([(other, Analysis({"a": segmentation}, detections={}, keypoints={}, measurements={}, classifications={}))])
