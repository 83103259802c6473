"""Tiny seeded look-alikes of each set's official layout: same folders, names, suffixes and label values."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from more_lookalikes import MORE_BUILDERS
from openpyxl import Workbook
from PIL import Image

SIDE = 64
BREAST_FOLDER = "BrEaST-Lesions_USG-images_and_masks"


def disc(x: int = 32, y: int = 32, radius: int = 12) -> np.ndarray:
    canvas = np.zeros((SIDE, SIDE), np.uint8)
    cv2.circle(canvas, (x, y), radius, 1, -1)
    return canvas


def store(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


def speckle(path: Path, seed: int, *, coloured: bool = False) -> None:
    shape = (SIDE, SIDE, 3) if coloured else (SIDE, SIDE)
    store(path, np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8))


def table(path: Path, rows: Sequence[Sequence[object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows(rows)


def splits(root: Path, keys: Sequence[str], patients: Sequence[str] | None = None) -> Path:
    """First key train, second val, the rest test; groups are the patients."""
    people = patients or [""] * len(keys)
    parts = ["train", "val", *["test"] * len(keys)]
    rows = [(key, person, person, part) for key, person, part in zip(keys, people, parts, strict=False)]
    table(root / "splits.csv", [("image", "patient", "group", "split"), *rows])
    return root


def busbra(base: Path, seed: int = 0) -> Path:
    root = base / "BUSBRA"
    stems = ["0001-l", "0002-s"]
    for offset, stem in enumerate(stems):
        speckle(root / "Images" / f"bus_{stem}.png", seed + offset)
        store(root / "Masks" / f"mask_{stem}.png", disc().astype(bool))
    heading = ("ID", "Case", "Histology", "Pathology", "BIRADS", "Device", "Width", "Height", "Side", "BBOX")
    first = ("bus_0001-l", 1, "Invasive ductal carcinoma", "malignant", 4, "GE Logiq 7", 64, 64, "left", "[20, 20, 25, 25]")
    second = ("bus_0002-s", 2, "fibroadenoma", "benign", 2, "GE Logiq 5", 64, 64, "single", "[20, 20, 25, 25]")
    table(root / "bus_data.csv", [heading, first, second])
    return splits(root, [f"Images/bus_{stem}" for stem in stems], ["1", "2"])


def busi(base: Path, seed: int = 0) -> Path:
    root = base / "Dataset_BUSI_with_GT"
    for offset, stem in enumerate(["benign/benign (1)", "malignant/malignant (2)", "normal/normal (3)", "benign/benign (10)"]):
        speckle(root / f"{stem}.png", seed + offset)
    store(root / "benign/benign (1)_mask.png", disc(16, 16, 8))  # 0/1
    store(root / "benign/benign (1)_mask_1.png", disc(48, 48, 8) * 255)  # 0/255
    store(root / "malignant/malignant (2)_mask.png", disc(radius=14) > 0)
    store(root / "malignant/malignant (2)_mask_1.png", disc(radius=6) > 0)  # the same lesion again
    store(root / "normal/normal (3)_mask.png", np.zeros((SIDE, SIDE, 3), np.uint8))
    store(root / "benign/benign (10)_mask.png", disc() > 0)
    return splits(root, ["benign/benign (1)", "malignant/malignant (2)", "normal/normal (3)", "benign/benign (10)"])


def breast(base: Path, seed: int = 0) -> Path:
    root = base / "BrEaST"
    folder = root / BREAST_FOLDER
    heading = ["CaseID", "Image_filename", "Mask_tumor_filename", "Mask_other_filename", "Pixel_size", "Age", "Shape", "Margin"]
    heading += ["Echogenicity", "Posterior_features", "Halo", "Calcifications", "Skin_thickening", "BIRADS", "Classification"]
    na = "not applicable"
    tumour = ["irregular", "not circumscribed - angular&indistinct", "hypoechoic", "Shadowing", "no", "indefinable", "yes"]
    book = Workbook()
    book.active.append(heading)
    book.active.append([1, "case001.png", "case001_tumor.png", None, 0.009, 57, *tumour, "4c", "malignant"])
    book.active.append([45, "case045.png", None, None, 0.011, None, na, na, na, na, na, na, "no", 1, "normal"])
    root.mkdir(parents=True)
    book.save(root / "BrEaST-Lesions-USG-clinical-data-Dec-15-2023.xlsx")
    speckle(folder / "case001.png", seed)
    speckle(folder / "case045.png", seed + 1)
    opaque = np.full((SIDE, SIDE), 255, np.uint8)
    store(folder / "case001_tumor.png", np.dstack([disc() * 255] * 3 + [opaque]))  # RGBA, as published
    store(folder / "case001_other1.png", disc(8, 8, 4) > 0)
    return splits(root, [f"{BREAST_FOLDER}/case001", f"{BREAST_FOLDER}/case045"], ["case001", "case045"])


def hc18(base: Path, seed: int = 0) -> Path:
    root = base / "HC18"
    for offset, stem in enumerate(["000_HC", "000_2HC", "001_HC"]):
        speckle(root / "training_set" / f"{stem}.png", seed + offset)
    filled, outline, cut = (np.zeros((SIDE, SIDE), np.uint8) for _ in range(3))
    cv2.ellipse(filled, (32, 30), (24, 18), 20, 0, 360, 255, -1)
    cv2.ellipse(outline, (32, 30), (24, 18), 20, 0, 360, 255, 1)
    cv2.ellipse(cut, (32, 54), (24, 18), 0, 0, 360, 255, 1)
    for stem, mask in (("000_HC", filled), ("000_2HC", outline), ("001_HC", cut)):
        store(root / "training_set" / f"{stem}_Annotation.png", mask)
    rows = [("000_HC.png", 0.5, 67.9), ("000_2HC.png", 0.25, 33.9), ("001_HC.png", 0.2, 26.5)]
    table(root / "training_set_pixel_size_and_HC.csv", [("filename", "pixel size(mm)", "head circumference (mm)"), *rows])
    return splits(root, ["training_set/000_HC", "training_set/000_2HC", "training_set/001_HC"], ["000", "000", "001"])


def mmotu(base: Path, seed: int = 0) -> Path:
    root = base / "MMOTU_2D"
    palette = (("Chocolate_Cyst", "10", 64), ("High-grade_Serous_Cystadenoma", "1424", 128), ("Ovary_Normal", "664", 64))
    for offset, (folder, stem, label) in enumerate(palette):
        speckle(root / folder / "images" / f"{stem}.JPG", seed + offset, coloured=True)
        mask = np.maximum(disc(16, 16, 10), disc(48, 48, 8)) if stem == "10" else disc()
        mask[60, 2] = 1  # a crumb
        store(root / folder / "annotations" / f"{stem}.PNG", np.dstack([mask * label, mask * 0, mask * 0]))
    return splits(root, [f"{folder}/images/{stem}" for folder, stem, _ in palette])


def outline_text(*centres: tuple[int, int], radius: int = 8) -> str:
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    shapes = [
        [{"x": round(x + radius * np.cos(angle)), "y": round(y + radius * np.sin(angle))} for angle in angles]
        for x, y in centres
    ]
    return json.dumps([{"points": points, "annotation": {}, "regionType": "freehand"} for points in shapes])


def ddti(base: Path, seed: int = 0) -> Path:
    root = base / "DDTI"
    arrow = '[{"points": [{"x": 3, "y": 4}, {"x": 9, "y": 9}], "annotation": {}, "regionType": "arrow"}]'
    marks = {
        "1_1": outline_text((16, 16), (48, 48), (17, 16)),
        "1_2": outline_text((32, 32)),
        "2_1": outline_text((32, 32))[:90],
    }
    marks |= {"2_2": "", "2_3": arrow}
    said = "<composition>solid</composition><echogenicity></echogenicity><margins>ill- defined</margins>"
    said += "<calcifications>Microcalcification</calcifications><tirads>4a</tirads>"
    for case in ("1", "2"):
        text = "".join(
            f"<mark><image>{key[2]}</image><svg>{svg}</svg></mark>" for key, svg in marks.items() if key.startswith(case)
        )
        root.mkdir(parents=True, exist_ok=True)
        (root / f"{case}.xml").write_text(f"<case><number>{case}</number>{said}{text}</case>", encoding="utf-8")
    keys = [*marks, "2_4"]  # an image that the XML does not mention
    for offset, key in enumerate(keys):
        speckle(root / f"{key}.jpg", seed + offset)
    return splits(root, keys, [key[0] for key in keys])


def tg3k(base: Path, seed: int = 0) -> Path:
    root = base / "TG3K"
    mask = np.maximum(disc(20, 40, 14), disc(50, 40, 5)) * 255
    mask[2, 60:63] = 255  # lettering: 3 of 4096 pixels
    for offset, stem in enumerate(["0002", "0006"]):
        speckle(root / "thyroid-image" / f"{stem}.bmp", seed + offset)
        store(root / "thyroid-mask" / f"{stem}.bmp", mask)
    return splits(root, ["thyroid-image/0002", "thyroid-image/0006"])


def ccaus(base: Path, seed: int = 0) -> Path:
    root = base / "CCAUS"
    stems = ["202201121748100022VAS_slice_1069", "202201121808450029VAS_slice_4705"]
    for offset, stem in enumerate(stems):
        speckle(root / "US images" / f"{stem}.png", seed + offset)
        store(root / "Expert mask images" / f"{stem}.png", disc() * 255)
    return splits(root, [f"US images/{stem}" for stem in stems], ["202201121748100022", "202201121808450029"])


def usgra(base: Path, seed: int = 0) -> Path:
    root = base / "USGRA"
    both = np.maximum(np.maximum(disc(14, 14, 8), disc(50, 14, 7)), disc(32, 48, 9) * 2)
    for offset, (stem, mask) in enumerate([("0000", both), ("0001", disc())]):
        speckle(root / "images" / f"{stem}.webp", seed + offset)
        store(root / "masks" / f"{stem}.png", mask)
    return splits(root, ["images/0000", "images/0001"])


def liver(base: Path, seed: int = 0) -> Path:
    root = base / "Liver_lesions"
    for offset, (stem, label) in enumerate([("10009", 1), ("10013", 2)]):
        speckle(root / "images" / f"{stem}.jpg", seed + offset)
        store(root / "masks" / f"{stem}.png", disc() * label)
    return splits(root, ["images/10009", "images/10013"])


def pocus(base: Path, seed: int = 0) -> Path:
    root = base / "POCUS"
    stems = ["covid/Cov_v4.mov_frame91", "regular/Reg_v1_frame0", "pneumonia/Pneu_v1_frame3"]
    for offset, stem in enumerate(stems):
        speckle(root / "image_dataset" / f"{stem}.jpeg", seed + offset, coloured=True)
    return splits(root, [f"image_dataset/{stem}" for stem in stems], ["Cov_v4.mov", "Reg_v1", "Pneu_v1"])


BUILDERS: dict[str, Callable[[Path], Path]] = {
    "BUSBRA": busbra,
    "Dataset_BUSI_with_GT": busi,
    "BrEaST": breast,
    "HC18": hc18,
    "MMOTU_2D": mmotu,
    "DDTI": ddti,
    "TG3K": tg3k,
    "CCAUS": ccaus,
    "USGRA": usgra,
    "Liver_lesions": liver,
    "POCUS": pocus,
} | MORE_BUILDERS
