"""Tiny folders in the general formats, as a hospital would bring them: 64-pixel images, and a few things that are wrong."""

from __future__ import annotations

import base64
import csv
import gzip
import io
import json
import struct
from pathlib import Path

import numpy as np
from adapter_lookalikes import SIDE, disc, speckle, splits, store
from PIL import Image
from pycocotools import mask as run_length

SQUARE = [10.0, 20.0, 30.0, 20.0, 30.0, 44.0, 10.0, 44.0]


def said(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False), "utf-8")


def hospital_coco(base: Path) -> Path:
    """Two categories; a broken image, a missing one, one of another size, a crowd, an image with nothing in it."""
    root = base / "Ward 7"
    for number in (1, 2, 3, 4):
        speckle(root / "images" / f"{number}.png", number)
    (root / "images" / "5.png").write_bytes(b"\x89PNG\r\n\x1a\n half of a file")
    store(root / "images" / "7.png", np.zeros((32, 48), np.uint8))
    outline = run_length.encode(np.asfortranarray(disc()))
    plain = {"size": [SIDE, SIDE], "counts": [0, 64 * 2, 64 * 62]}  # the first two columns
    names = ["long axis start", "long axis end"]
    annotations = [
        {"image_id": 1, "category_id": 3, "segmentation": [SQUARE], "bbox": [10, 20, 20, 24], "iscrowd": 0},
        {"image_id": 1, "category_id": 3, "bbox": [40, 40, 10, 12], "keypoints": [41, 41, 2, 0, 0, 0], "iscrowd": 0},
        {"image_id": 1, "category_id": 8, "segmentation": outline | {"counts": outline["counts"].decode()}, "iscrowd": 0},
        {"image_id": 2, "category_id": 3, "segmentation": plain, "iscrowd": 1},
        {"image_id": 4, "category_id": 8, "segmentation": plain, "iscrowd": 0},
        {"image_id": 5, "category_id": 8, "bbox": [1, 1, 5, 5], "iscrowd": 0},
    ]
    said(
        root / "annotations" / "instances.json",
        {
            "images": [
                {"id": k, "file_name": f"{k}.png", "width": SIDE, "height": SIDE, "patient": f"P{k}"} for k in range(1, 8)
            ],
            "annotations": [annotation | {"id": k} for k, annotation in enumerate(annotations)],
            "categories": [{"id": 3, "name": "Thyroid_Nodule", "keypoints": names}, {"id": 8, "name": "Cyst"}],
        },
    )
    return root


def roboflow_coco(base: Path) -> Path:
    """Parts in folders of their own, annotations beside the images, boxes alone, no patients."""
    root = base / "export"
    for part, seed in (("train", 1), ("valid", 2), ("test", 3)):
        speckle(root / part / f"{part}.jpg", seed)
        entry = {"id": 0, "file_name": f"{part}.jpg", "width": SIDE, "height": SIDE}
        box = {"id": 0, "image_id": 0, "category_id": 1, "bbox": [4, 5, 6, 7], "segmentation": [], "iscrowd": 0}
        categories = [{"id": 1, "name": "nodule"}]
        said(root / part / "_annotations.coco.json", {"images": [entry], "annotations": [box], "categories": categories})
    return root


def nnunet_pictures(base: Path, *, version: int = 2) -> Path:
    """Flat pictures; the second case lacks a lesion, the third has ignored pixels, the fourth no label map."""
    root = base / "Dataset101_Thyroid"
    maps = [np.maximum(disc(20, 20, 6), 2 * disc(44, 44, 8)), 2 * disc(44, 44, 8), disc(20, 20, 6) + 3 * disc(50, 10, 3)]
    for case, labels in enumerate([*maps, None]):
        speckle(root / "imagesTr" / f"case_{case}_0000.png", case)
        if labels is not None:
            store(root / "labelsTr" / f"case_{case}.png", labels.astype(np.uint8))
    speckle(root / "imagesTs" / "case_9_0000.png", 9)
    store(root / "labelsTs" / "case_9.png", disc())
    labels = {"background": 0, "Lesion": 1, "Gland": [1, 2], "ignore": 3}
    if version == 1:
        said(root / "dataset.json", {"labels": {"0": "background", "1": "Lesion", "2": "Gland", "3": "ignore"}})
    else:
        said(root / "dataset.json", {"channel_names": {"0": "US"}, "labels": labels, "file_ending": ".png"})
    return root


def nifti(path: Path, volume: np.ndarray, voxel: tuple[float, float, float], *, unit: int = 2, order: str = "<") -> None:
    """A NIfTI-1 file of an array ``(columns, rows, slices)``, first axis fastest, as the format lays it out."""
    codes = {"uint8": 2, "int16": 4, "float32": 16}
    header = bytearray(352)
    struct.pack_into(f"{order}i", header, 0, 348)
    struct.pack_into(f"{order}8h", header, 40, volume.ndim, *volume.shape, *[1] * (7 - volume.ndim))
    struct.pack_into(f"{order}2h", header, 70, codes[volume.dtype.name], volume.dtype.itemsize * 8)
    struct.pack_into(f"{order}8f", header, 76, 1.0, *voxel, 0, 0, 0, 0)
    struct.pack_into(f"{order}3f", header, 108, 352.0, 1.0, 0.0)
    header[123] = unit
    header[344:348] = b"n+1\0"
    data = bytes(header) + volume.astype(volume.dtype.newbyteorder(order)).tobytes(order="F")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


def nnunet_volumes(base: Path) -> Path:
    """Two sweeps of three slices, 40 columns by 30 rows; the lesion is in the middle slice of the first."""
    root = base / "Dataset102_Sweep"
    for case, seed in (("sweep_1", 1), ("sweep_2", 2)):
        volume = np.random.default_rng(seed).integers(0, 256, (40, 30, 3)).astype(np.int16)
        labels = np.zeros((40, 30, 3), np.uint8)
        if case == "sweep_1":
            labels[5:12, 20:24, 1] = 1
        nifti(root / "imagesTr" / f"{case}_0000.nii.gz", volume, (0.2, 0.1, 0.5))
        nifti(root / "labelsTr" / f"{case}.nii.gz", labels, (0.2, 0.1, 0.5))
    said(root / "dataset.json", {"labels": {"background": 0, "lesion": 1}, "file_ending": ".nii.gz"})
    return root


def image_mask(base: Path) -> Path:
    """Folders ``images`` and ``masks``; the last image has no mask, the one before an empty one."""
    root = base / "Thyroid_Nodule"
    masks = [disc(16, 16, 6) | disc(44, 44, 8), disc() * 255, np.zeros((SIDE, SIDE), np.uint8)]
    for number in range(4):
        speckle(root / "images" / "clinic" / f"{number}.png", number)
    for number, mask in enumerate(masks):
        store(root / "masks" / "clinic" / (f"{number}.png" if number else "0_mask.png"), mask)
    return root


def image_beside_mask(base: Path) -> Path:
    """Label maps beside their images, with names, in folders that say the split."""
    root = base / "painted"
    for part, seed in (("train", 1), ("val", 2)):
        speckle(root / part / "x.1.png", seed)
        store(root / part / "x.1_mask.png", np.maximum(disc(20, 20, 6), 2 * disc(44, 44, 8)))
    speckle(root / "train" / "lonely.png", 3)
    said(root / "labels.json", {"1": "Nerve", "2": "vessel"})
    return root


def conversations(base: Path) -> Path:
    """LLaVA's form and OpenAI's, one and two images, one and two turns, a box, a mask, and lines that are no records."""
    root = base / "talks"
    for number in range(3):
        speckle(root / "img" / f"{number}.png", number, coloured=number == 2)
    store(root / "masks" / "1.png", disc())
    turns = [
        {"from": "system", "value": "You are an expert."},
        {"from": "human", "value": "<image>\nIs there a nodule?"},
        {"from": "gpt", "value": "Yes."},
        {"from": "human", "value": "Where?"},
        {"from": "gpt", "value": "In the centre."},
    ]
    picture = {"type": "image_url", "image_url": {"url": "img/0.png"}}
    asked = {"role": "user", "content": [picture, {"type": "text", "text": "Which organ?"}]}
    lines: list[object] = [
        {"images": ["img/0.png"], "conversations": turns, "patient": 5, "split": "val",
         "boxes": [{"name": "Nodule", "box": [10, 12, 30, 40]}]},
        {"messages": [asked, {"role": "assistant", "content": "Thyroid."}], "patient": 5, "split": "val"},
        {"image": ["img/1.png", "img/2.png"], "messages": [{"role": "user", "content": "比较左右。"},
         {"role": "assistant", "content": "无。"}], "language": "zh", "patient": 6, "report": "无异常。",
         "masks": [{"name": "gland", "mask": "masks/1.png", "image": 1}]},
        {"image": "img/9.png", "conversations": turns},
        {"image": "img/1.png", "conversations": turns[1:2]},
        {"image": "../secret.png", "conversations": turns},
    ]  # fmt: skip
    (root / "a.jsonl").write_text("\n".join([*map(json.dumps, lines), "", "{broken"]) + "\n", "utf-8")
    return root


def echovlm(base: Path) -> Path:
    """Texts for two images of a look-alike of BUSI beside them, and for one that is not there."""
    home = base / "Dataset_BUSI_with_GT"
    keys = ["benign/benign (1)", "malignant/malignant (2)"]
    for seed, key in enumerate(keys):
        speckle(home / f"{key}.png", seed)
        store(home / f"{key}_mask.png", disc())
    splits(home, keys, ["g1", "g2"])
    root = base / "EchoVLM_text"
    said(
        root / "BUSI.json",
        [
            {
                "id": f"{name}.png",
                "image": [f"public_data/BUSI/{name}.png"],
                "description": "乳腺内见一低回声结节。",
                "conversations": [
                    {"from": "system", "value": "你是超声专家。"},
                    {"from": "human", "value": "<image>请描述。"},
                    {"from": "gpt", "value": "乳腺内见一低回声结节。"},
                ],
            }
            for name in ("benign (1)", "malignant (2)", "benign (999)")
        ],
    )
    return root


U2_COLUMNS = (
    "dataset_name", "img_data", "patient_id", "prompt", "anatomy_location", "demographic", "classification_task", "class_label",
    "options", "seg_data", "seg_channel_name", "gt_bbox", "keypoints", "measurement", "caption", "report", "notes",
)  # fmt: skip


def u2_bench(base: Path) -> Path:
    """Three tasks; one image stands in another row, one box is in pixels, one row answers nothing."""
    root = base / "u2-bench"
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (SIDE, SIDE), dtype=np.uint8)).save(stream, "PNG")
    image = base64.b64encode(stream.getvalue()).decode()
    choices = "{'DiagnosticPlane': ['AC_PLANE', 'BPD_PLANE'], 'Other': ['a']}"
    tables: dict[str, list[dict[str, str]]] = {
        "view_recognition_and_assessment/10.tsv": [
            {"prompt": r"Look at the {anatomy\_location}.\nWhich plane?", "anatomy_location": "fetus", "patient_id": "7",
             "classification_task": "DiagnosticPlane", "class_label": "AC_PLANE", "options": choices, "img_data": image},
            {"prompt": "Which plane?", "class_label": "BPD_PLANE", "img_data": "0"},
            {"prompt": "Which plane?", "img_data": image},
        ],
        "lesion_localisation/04.tsv": [
            {"prompt": "Where?", "gt_bbox": "[0.2, 0.5, 0.1, 0.1]", "img_data": image},
            {"prompt": "Where?", "gt_bbox": "", "img_data": image},
            {"prompt": "Where?", "gt_bbox": "[100, 200, 300, 400]", "img_data": image},
        ],
        "report_generation/39.tsv": [{"prompt": "Report.", "report": "Normal liver.", "img_data": "not base64" * 9}],
    }  # fmt: skip
    for name, rows in tables.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        with (root / name).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, U2_COLUMNS, delimiter="\t", restval="")
            writer.writeheader()
            writer.writerows(row | {"dataset_name": "10.FPUS23"} for row in rows)
    return root
