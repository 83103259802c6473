"""Tiny seeded look-alikes of further sets' official layouts; `splits.csv` is added where the set publishes no parts."""

from __future__ import annotations

import gzip
import json
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from openpyxl import Workbook
from PIL import Image

SIDE = 64
SPACING = (0.154, 0.308)  # rows, columns, as in CAMUS
VIDEOS = ("0X1A", "0X2B", "0X3C")
TRACED = ((2, 20.0), (5, 10.0))  # frame and radius


def disc(x: int = 32, y: int = 32, radius: int = 12) -> np.ndarray:
    canvas = np.zeros((SIDE, SIDE), np.uint8)
    cv2.circle(canvas, (x, y), radius, 1, -1)
    return canvas


def speckle(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE), dtype=np.uint8)


def write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def store(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


def divide(root: Path, keys: Sequence[str]) -> Path:
    """First key train, second val, the rest test."""
    parts = ["train", "val", *["test"] * len(keys)]
    rows = [f"{key},,,{part}" for key, part in zip(keys, parts, strict=False)]
    write(root / "splits.csv", "\n".join(["image,patient,group,split", *rows]))
    return root


def udiat(base: Path) -> Path:
    root = base / "UDIAT"
    book = Workbook()
    book.active.append(["Image", "Type", "Pathology"])
    for number, kind in ((1, "Benign"), (10, "Malignant")):
        store(root / "original" / f"{number:06}.png", speckle(number))
        store(root / "GT" / f"{number:06}.png", disc(radius=8 + number) * 255)
        book.active.append([number, kind, "FA"])
    book.save(root / "DatasetB.xlsx")
    return divide(root, ["original/000001", "original/000010"])


def tn3k(base: Path) -> Path:
    """Three images of trainval, the names of which sort otherwise as text than as numbers, and two of test."""
    root = base / "TN3K"
    mask = np.maximum(disc(16, 16, 8), disc(48, 48, 8)) * 250 + 3  # grey ground and bright nodules, as JPEG leaves them
    for part, stems in (("trainval", ("0002", "0010", "9")), ("test", ("0000", "0001"))):
        for seed, stem in enumerate(stems):
            store(root / f"{part}-image" / f"{stem}.jpg", speckle(seed))
            store(root / f"{part}-mask" / f"{stem}.png", mask)
        write(root / f"label4{part}.csv", "".join(f"{stem}.jpg,{number % 2}\n" for number, stem in enumerate(stems)))
    write(root / "tn3k-trainval-fold0.json", json.dumps({"train": [1], "val": [0, 2]}))
    return root


def metaimage(path: Path, values: np.ndarray, spacing: Sequence[float] = (1.0, 1.0, 1.0)) -> None:
    """An ``.mha``, or an ``.mhd`` with its ``.raw``; ``values`` are ``(slices, rows, columns)``."""
    beside = path.with_suffix(".raw")
    header = f"ObjectType = Image\nNDims = 3\nElementSpacing = {' '.join(map(str, spacing))}\n"
    header += f"DimSize = {' '.join(map(str, values.shape[::-1]))}\nElementType = MET_UCHAR\n"
    if path.suffix == ".mha":
        write(path, header.encode() + b"ElementDataFile = LOCAL\n" + values.tobytes())
    else:
        write(path, f"{header}ElementDataFile = {beside.name}\n")
        beside.write_bytes(values.tobytes())


def psfhs(base: Path) -> Path:
    root = base / "PSFHS"
    labels = np.maximum(disc(14, 14, 8), disc(40, 40, 18) * 2)
    for number, label in ((3744, labels), (3745, disc())):
        metaimage(root / "image_mha" / f"0{number}.mha", np.stack([speckle(number)] * 3))
        metaimage(root / "label_mha" / f"0{number}.mha", label[None])
    return divide(root, ["image_mha/03744", "image_mha/03745"])


def jnu_ifm(base: Path) -> Path:
    """Frames with both structures, with the head only, with none, and one without a mask."""
    root, video = base / "JNU-IFM", "20190909T155747"
    masks = {0: np.maximum(disc(14, 14, 8) * 7, disc(40, 40, 18) * 8), 7: disc() * 8, 12: disc() * 0}
    for number in (0, 7, 12, 15):
        store(root / video / "image" / f"{video}_{number}.png", speckle(number))
    for number, mask in masks.items():
        store(root / video / "mask" / f"{video}_{number}_mask.png", mask)
    write(root / video / "framelabel.csv", "frame_id,frame_label\n0,6\n7,5\n12,3\n15,6\n")
    return divide(root, [f"{video}/image/{video}_{number}" for number in (0, 7, 12, 15)])


def heart_labels() -> np.ndarray:
    return np.maximum.reduce([disc(32, 24, 18) * 2, disc(32, 52, 8) * 3]) * (disc(32, 24, 10) == 0) + disc(32, 24, 10)


def camus(base: Path) -> Path:
    root = base / "CAMUS"
    for number in (1, 2):
        patient = f"patient{number:04}"
        for view in ("2CH", "4CH"):
            for phase in ("ED", "ES"):
                path = root / patient / f"{patient}_{view}_{phase}.mhd"
                metaimage(path, speckle(number)[None], (*SPACING[::-1], 1.54))
                metaimage(path.with_name(f"{path.stem}_gt.mhd"), heart_labels()[None], (*SPACING[::-1], 1.54))
            info = "ED: 1\nES: 18\nNbFrame: 18\nSex: F\nAge: 56\nImageQuality: Good\nLVedv: 94.0\nLVesv: 34.6\nLVef: 63.2\n"
            write(root / patient / f"Info_{view}.cfg", info)
    keys = [f"patient000{number}/patient000{number}_2CH_{phase}" for number in (1, 2) for phase in ("ED", "ES")]
    return divide(root, keys)


def nifti(values: np.ndarray, code: int, order: str = "<") -> bytes:
    """A gzipped single-file NIfTI-1 of ``(rows, columns)`` with CAMUS' spacing in millimetres."""
    header = bytearray(352)
    struct.pack_into(f"{order}i", header, 0, 348)
    struct.pack_into(f"{order}8h", header, 40, 3, values.shape[1], values.shape[0], 1, 1, 1, 1, 1)
    struct.pack_into(f"{order}h", header, 70, code)
    struct.pack_into(f"{order}8f", header, 76, 1.0, SPACING[1], SPACING[0], 1.0, 0, 0, 0, 0)
    struct.pack_into(f"{order}f", header, 108, 352.0)
    header[123] = 2
    header[344:348] = b"n+1\0"
    return gzip.compress(bytes(header) + values.astype(values.dtype.newbyteorder(order)).tobytes())


def camus_nifti(base: Path) -> Path:
    """The later archive: three patients, one for each published part."""
    root = base / "CAMUS"
    parts = {"patient0001": "training", "patient0002": "validation", "patient0003": "testing"}
    for patient, part in parts.items():
        folder = root / "database_nifti" / patient
        for phase in ("ED", "ES"):
            write(folder / f"{patient}_2CH_{phase}.nii.gz", nifti(speckle(1).astype(np.float32), 16))
            write(folder / f"{patient}_2CH_{phase}_gt.nii.gz", nifti(heart_labels(), 2, ">"))
        write(folder / f"{patient}_2CH_half_sequence_gt.nii.gz", b"")
        write(
            folder / "Info_2CH.cfg",
            "ED: 1\nES: 18\nNbFrame: 18\nSex: F\nAge: 56\nImageQuality: Good\nEF: 63\nFrameRate: 53.7\n",
        )
        write(root / "database_split" / f"subgroup_{part}.txt", f"{patient}\n")
    return root


def chords(radius: float, num: int = 40) -> list[tuple[float, float, float, float]]:
    """Long axis and chords of a circle about (32, 32)."""
    lines = [(32.0, 32 - radius, 32.0, 32 + radius)]
    for y in np.linspace(-radius, radius, num):
        half = float(np.sqrt(max(radius**2 - y**2, 0)))
        lines.append((32 - half, 32 + float(y), 32 + half, 32 + float(y)))
    return lines


def echonet(base: Path) -> Path:
    """Three videos of six frames, whose brightness tells the frame's number, and one without tracings."""
    root = base / "EchoNet-Dynamic"
    (root / "Videos").mkdir(parents=True)
    for video in VIDEOS:
        writer = cv2.VideoWriter(str(root / "Videos" / f"{video}.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 50.0, (SIDE, SIDE))
        for number in range(6):
            writer.write(np.full((SIDE, SIDE, 3), 40 * number, np.uint8))
        writer.release()
    heading = "FileName,EF,ESV,EDV,FrameHeight,FrameWidth,FPS,NumberOfFrames,Split\n"
    rows = [f"{video},63.2,34.6,94.0,64,64,50,6,{part}" for video, part in zip(VIDEOS, ("TRAIN", "VAL", "TEST"), strict=True)]
    write(root / "FileList.csv", heading + "\n".join([*rows, "0X4D,50,40,80,64,64,50,6,TRAIN"]))
    lines = ["FileName,X1,Y1,X2,Y2,Frame"]
    for video in VIDEOS:
        for frame, radius in TRACED:
            lines += [f"{video}.avi,{x1},{y1},{x2},{y2},{frame}" for x1, y1, x2, y2 in chords(radius)]
    write(root / "VolumeTracings.csv", "\n".join(lines))
    return divide(root, [f"Videos/{video}#{frame}" for video, frame in zip(VIDEOS, (2, 5, 2), strict=True)])


def cubs(base: Path) -> Path:
    """Level boundaries in rows, tilted ones in columns, and one image that the first analyst left out."""
    root = base / "CUBS"
    xs = np.arange(8, 57)
    level = (np.stack([xs, np.full(len(xs), 30.0)]), np.stack([xs[2:], np.full(len(xs) - 2, 38.0)]))
    tilted = (np.stack([xs, 20 + 0.75 * xs]).T, np.stack([xs, 30 + 0.75 * xs]).T)
    for seed, (stem, lines) in enumerate({"clin_0001_L": level, "clin_0001_R": tilted, "clin_0002_L": None}.items()):
        store(root / "IMAGES" / f"{stem}.tiff", speckle(seed))
        write(root / "CF" / f"{stem}_CF.txt", "0.060000\n")
        for name, line in zip(("LI", "MA"), lines or (), strict=False):
            text = "\n".join(" ".join(f"{value:.6f}" for value in row) + " " for row in line)
            write(root / "SEGMENTATIONS" / "Manual-A1" / f"{stem}-{name}.txt", text + "\n")
    return divide(root, ["IMAGES/clin_0001_L", "IMAGES/clin_0001_R"])


def fm_uia(base: Path) -> Path:
    """An outlined lesion in train; in val an image both boxed and outlined, and one of a task that is not read."""
    root = base / "FM_UIA"
    for seed, stem in enumerate(("train/Segmentation/Two/BUS/IMGS/001", "val/Detection/TN/002", "val/Classification/BC/003")):
        store(root / f"{stem}.png", speckle(seed))
    store(root / "train/Segmentation/Two/BUS/MASKS/001.png", np.maximum(disc(16, 16, 8), disc(48, 48, 8)))
    store(root / "val/Segmentation/Two/TN/MASKS/002.png", disc(16, 16, 8))
    heading = "task_id,task_name,num_classes,image_path"
    lesion = "breast_lesion,segmentation,2,../Segmentation/Two/BUS/IMGS/001.png,../Segmentation/Two/BUS/MASKS/001.png"
    nodule = "thyroid_nodule,segmentation,2,../Detection/TN/002.png,../Segmentation/Two/TN/MASKS/002.png"
    write(root / "train/csv_files/breast_lesion.csv", f"{heading},mask_path\n{lesion}\n")
    write(root / "val/csv_files/thyroid_nodule.csv", f"{heading},mask_path\n{nodule}\n")
    box = "thyroid_nodule_det,detection,1,../Detection/TN/002.png,36,37,60,58.5"
    write(root / "val/csv_files/thyroid_nodule_det.csv", f"{heading},x_min,y_min,x_max,y_max\n{box}\n")
    breast = "breast_2cls,classification,2,../Classification/BC/003.png,1"
    write(root / "val/csv_files/breast_2cls.csv", f"{heading},mask\n{breast}\n")
    return root


MORE_BUILDERS: dict[str, Callable[[Path], Path]] = {
    "UDIAT": udiat,
    "TN3K": tn3k,
    "PSFHS": psfhs,
    "JNU-IFM": jnu_ifm,
    "CAMUS": camus,
    "EchoNet-Dynamic": echonet,
    "CUBS": cubs,
    "FM_UIA": fm_uia,
}
