"""Results as a COCO data set: run-length masks, boxes, keypoints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool
from pycocotools import mask as run_length

from umind.export.notice import NOTICE
from umind.schema.image import UltrasoundImage
from umind.schema.result import Analysis, Answer, Detection, Keypoints, Report, Result, Segmentation

Finding = Segmentation | Detection | Keypoints
VISIBLE = 2
"""COCO's flag of a keypoint that is labelled and visible."""


def to_coco(images_and_results: Iterable[tuple[UltrasoundImage, Result | Sequence[Result]]]) -> dict[str, Any]:
    """Findings of images as one COCO dictionary, which pycocotools loads and ``json.dump`` writes.

    Masks, boxes and keypoints are written, those of an analysis and the evidence of answers and reports included; COCO has no
    place for measurements and text. Coordinates need no shift: both sides count from the top-left corner of the top-left pixel.
    Boxes are xywh, areas in pixels; ``score`` is an extra field. Where a phrase of an image has masks its boxes are those of
    the masks, and a `Detection` of the same phrase is left out, so that no instance counts twice.

    Args:
        images_and_results: Pairs of an image and its result or results.

    Returns:
        ``info``, ``licenses``, ``images``, ``annotations`` and ``categories``; one category for each phrase, in order of
        appearance, absent ones included.

    Raises:
        ValueError: A result is of an image of another size, or one phrase has keypoints of different names.
    """
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    categories: dict[str, dict[str, Any]] = {}
    for image_id, (image, results) in enumerate(images_and_results, start=1):
        images.append({"id": image_id, "file_name": image.name, "height": image.height, "width": image.width})
        findings = findings_of(results)
        masked = {finding.phrase for finding in findings if isinstance(finding, Segmentation)}
        for finding in findings:
            category = category_of(finding, categories)
            if isinstance(finding, Detection) and finding.phrase in masked:
                continue
            for entry in annotations_of(finding, image):
                ids = {"id": len(annotations) + 1, "image_id": image_id, "category_id": category["id"]}
                annotations.append(ids | entry | {"iscrowd": 0})
    return {
        "info": {"description": f"Written by umind. {NOTICE}.", "version": "1.0"},
        "licenses": [],
        "images": images,
        "annotations": annotations,
        "categories": list(categories.values()),
    }


def findings_of(results: Result | Sequence[Result]) -> list[Finding]:
    """The masks, boxes and keypoints among results, each once."""
    found: list[Finding] = []
    for result in results if isinstance(results, Sequence) else [results]:
        if isinstance(result, Finding):
            found.append(result)
        elif isinstance(result, Analysis):
            parts = (result.segmentations, result.detections, result.keypoints)
            found.extend(finding for part in parts for finding in part.values())
            found.extend(findings_of(result.report) if result.report else [])
        elif isinstance(result, Answer | Report):
            found.extend(item for item in result.evidence if isinstance(item, Finding))
    return list({id(finding): finding for finding in found}.values())


def category_of(finding: Finding, categories: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The category of a finding's phrase, which is added to the categories when it is new.

    Raises:
        ValueError: The phrase already has keypoints of other names.
    """
    category = categories.setdefault(
        finding.phrase, {"id": len(categories) + 1, "name": finding.phrase, "supercategory": "ultrasound"}
    )
    if isinstance(finding, Keypoints) and len(finding):
        names = list(finding.names)
        if category.setdefault("keypoints", names) != names:
            raise ValueError(f"{finding.phrase!r} has keypoints {names} here and {category['keypoints']} before")
        category.setdefault("skeleton", [])
    return category


def annotations_of(finding: Finding, image: UltrasoundImage) -> list[dict[str, Any]]:
    """One annotation for each instance of a finding, without the ids.

    Raises:
        ValueError: The masks are of an image of another size.
    """
    if isinstance(finding, Segmentation):
        size = (finding.frame.source_height, finding.frame.source_width)
        if size != (image.height, image.width):
            raise ValueError(f"{finding.phrase!r} is of a {size} image, {image.name!r} is {(image.height, image.width)}")
        return [
            {"segmentation": encode_mask(mask), "area": int(mask.sum()), "bbox": xywh(box), "score": float(score)}
            for mask, box, score in zip(finding.masks, finding.boxes, finding.scores, strict=True)
        ]
    if isinstance(finding, Detection):
        boxes = [xywh(box) for box in finding.boxes]
        return [
            {"area": box[2] * box[3], "bbox": box, "score": float(score)}
            for box, score in zip(boxes, finding.scores, strict=True)
        ]
    if not len(finding):
        return []
    triples = [[float(x), float(y), VISIBLE] for x, y in finding.points]
    box = xywh(np.concatenate([finding.points.min(0), finding.points.max(0)]))
    keypoints = {
        "keypoints": [number for triple in triples for number in triple],
        "num_keypoints": len(triples),
        "score": float(finding.scores.mean()),
    }
    return [keypoints | {"area": box[2] * box[3], "bbox": box}]


def encode_mask(mask: Bool[np.ndarray, "h w"]) -> dict[str, Any]:
    """Compressed run-length coding of a mask, its counts as text so that JSON can hold them."""
    coded = run_length.encode(np.asfortranarray(mask, np.uint8))
    return {"size": [int(side) for side in coded["size"]], "counts": coded["counts"].decode("ascii")}


def xywh(box: np.ndarray) -> list[float]:
    """An xyxy box as left, top, width, height."""
    x1, y1, x2, y2 = (float(edge) for edge in box)
    return [x1, y1, x2 - x1, y2 - y1]
