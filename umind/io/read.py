"""The way in: anything that a user may hold becomes an `UltrasoundImage` or a `Clip`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from umind.geometry.spacing import Spacing
from umind.io.arrays import pixels_of_array, pixels_of_tensor
from umind.io.dicom import read_dicom
from umind.io.dicom_file import is_dicom
from umind.io.limits import naming
from umind.io.mhd import is_metaimage, read_meta
from umind.io.nifti import is_nifti, read_nifti
from umind.io.pictures import pixels_of_picture, read_picture
from umind.io.video import read_video, video_format
from umind.schema.errors import ImageReadError
from umind.schema.image import Clip, UltrasoundImage

HEAD = 4096
"""Bytes by which a file is recognised."""
ImageSource = str | os.PathLike[str] | Image.Image | npt.NDArray[Any] | torch.Tensor | UltrasoundImage | Clip


def read(path: str | os.PathLike[str], *, spacing: Spacing | float | Sequence[float] | None = None) -> UltrasoundImage | Clip:
    """Read an image or a cine from a file, recognised by its content.

    DICOM; PNG, JPEG, TIFF, WebP, BMP and GIF; MP4, MOV, AVI, MKV and WebM; NIfTI (``.nii``, ``.nii.gz``) and MetaImage.

    Args:
        path: File.
        spacing: Millimetres per pixel, one number or ``(dy, dx)``; it takes the place of what the file says.

    Returns:
        A still as 8-bit `UltrasoundImage`; an animation, a stack of pages, a video, a volume or a multi-frame DICOM as `Clip`.

    Raises:
        ImageReadError: Missing, a directory, empty, truncated, no image, or too large to be decoded safely.
        ValueError: The spacing is not positive.
    """
    given = Path(path)
    wanted = None if spacing is None else Spacing.of(spacing)
    with naming(given.name or str(given)):
        if given.is_dir():
            raise ImageReadError(f"{given}: is a directory; wanted an image file")
        if not given.exists():
            raise ImageReadError(f"{given}: no such file")
        if not given.is_file():
            raise ImageReadError(f"{given}: is no regular file")
        if given.stat().st_size == 0:
            raise ImageReadError(f"{given}: is empty")
        with given.open("rb") as file:
            start = file.read(HEAD)
    if is_dicom(given):
        return read_dicom(given, spacing=wanted)
    if is_nifti(start):
        return read_nifti(given, spacing=wanted)
    if is_metaimage(start):
        return read_meta(given, spacing=wanted)
    if kind := video_format(start):
        return read_video(given, kind, spacing=wanted)
    return read_picture(given, spacing=wanted)


def as_image(source: ImageSource, *, spacing: Spacing | float | Sequence[float] | None = None) -> UltrasoundImage | Clip:
    """Whatever holds an image, as the image that the library works on.

    Args:
        source: A path; a Pillow image; an array ``(H, W)`` or RGB ``(H, W, 3)`` of uint8, uint16 or float in 0..1; a torch
            tensor ``(H, W)`` or ``(C, H, W)`` of the same; an `UltrasoundImage` or a `Clip`, which come back as they are.
        spacing: Millimetres per pixel, one number or ``(dy, dx)``.

    Raises:
        ImageReadError: The source holds no image; the message says what is wrong with it.
        ValueError: The spacing is not positive, or was given for a clip.
    """
    wanted = None if spacing is None else Spacing.of(spacing)
    if isinstance(source, UltrasoundImage):
        return replace(source, spacing=wanted, calibration="user", regions=(), notes=()) if wanted else source
    if isinstance(source, Clip):
        if wanted:
            raise ValueError("the frames of a clip carry their own spacing; give it where the clip is read")
        return source
    if isinstance(source, str | os.PathLike):
        return read(source, spacing=wanted)
    if isinstance(source, Image.Image):
        name = Path(str(getattr(source, "filename", "") or "")).name
        return UltrasoundImage(pixels_of_picture(source, name or "picture"), spacing=wanted, name=name)
    if isinstance(source, np.ndarray):
        return UltrasoundImage(pixels_of_array(source), spacing=wanted)
    if isinstance(source, torch.Tensor):
        return UltrasoundImage(pixels_of_tensor(source), spacing=wanted)
    raise ImageReadError(
        f"a {type(source).__name__} is no image; wanted a path, Pillow image, array, tensor or UltrasoundImage"
    )
