"""Files of a set: found by stem, read to arrays."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image, UnidentifiedImageError

from umind.schema.errors import ImageReadError

SUFFIXES = (".png", ".webp", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
GREY_TOLERANCE = 2  # grey stored as lossy RGB comes back with channels one apart


def find_by_stem(folder: Path, stem: str) -> Path:
    """The file of this stem with any image suffix, in lower or upper case.

    The stem is taken literally: dots and brackets in it have no meaning.

    Raises:
        ImageReadError: There is none.
    """
    for suffix in SUFFIXES:
        for name in (stem + suffix, stem + suffix.upper()):
            if (folder / name).is_file():
                return folder / name
    raise ImageReadError(f"{folder / stem}: no file of this name with a suffix of {', '.join(SUFFIXES)}")


def read_pixels(path: Path) -> UInt8[np.ndarray, "h w *channels"]:
    """Pixels ``(H, W)`` of a grey picture, ``(H, W, 3)`` of a coloured one; an alpha channel is dropped.

    RGB whose channels agree within two grey levels is grey and comes back as its luma.

    Raises:
        ImageReadError: The file is missing or no picture.
    """
    array = _decode(path, "RGB")
    if (array.max(axis=2) - array.min(axis=2)).max() > GREY_TOLERANCE:
        return array
    grey: UInt8[np.ndarray, "h w"] = cv2.cvtColor(array, cv2.COLOR_RGB2GRAY)
    return grey


def read_labels(path: Path, shape: tuple[int, int]) -> UInt8[np.ndarray, "h w"]:
    """Label of every pixel: the stored number, or the largest colour channel where a label was written as a colour.

    A palette's indices are the labels; alpha is no label.

    Args:
        path: Mask file.
        shape: Rows and columns of the image that it belongs to.

    Raises:
        ImageReadError: The file is missing, no picture, or of another size than its image.
    """
    array = _decode(path, None)
    if array.ndim == 3:
        array = array[..., :1] if array.shape[2] == 2 else array[..., :3]
        array = array.max(axis=2)
    if array.shape != shape:
        raise ImageReadError(f"{path}: mask of {array.shape} for an image of {shape}")
    labels: UInt8[np.ndarray, "h w"] = np.minimum(array, 255).astype(np.uint8)
    return labels


def read_mask(path: Path, shape: tuple[int, int]) -> Bool[np.ndarray, "h w"]:
    """Foreground of a mask: every value above zero, since some sets store 0/1 and some 0/255.

    Args:
        path: Mask file.
        shape: Rows and columns of the image that it belongs to.

    Raises:
        ImageReadError: As `read_labels`.
    """
    foreground: Bool[np.ndarray, "h w"] = read_labels(path, shape) > 0
    return foreground


def read_csv(path: Path) -> list[dict[str, str]]:
    """Rows of a table with a heading, as text.

    Raises:
        ImageReadError: The file is missing or no text.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            return list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ImageReadError(f"{path}: {error}") from error


def _decode(path: Path, mode: str | None) -> UInt8[np.ndarray, "h w *channels"]:
    try:
        with Image.open(path) as picture:
            return np.array(picture.convert(mode) if mode else picture)
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError) as error:
        raise ImageReadError(f"{path}: {error}") from error
