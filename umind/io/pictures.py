"""Pictures that Pillow reads: PNG, JPEG, TIFF, WebP, BMP and GIF, still or animated."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

from umind.geometry.spacing import Spacing
from umind.io.arrays import pixels_of_array
from umind.io.limits import naming, refuse_size
from umind.schema.errors import ImageReadError
from umind.schema.image import Clip, UltrasoundImage

NO_SCALE = "pictures of this format carry no scale that can be relied on"
FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF")
"""Tried in this order and no others; Pillow's EPS reader, for one, starts a PostScript interpreter."""
CINE_FORMATS = frozenset({"PNG", "TIFF", "WEBP", "GIF"})
"""Formats whose further pages are frames; those of an MPO, a kind of JPEG, are previews made by a phone."""


def pixels_of_picture(picture: Image.Image, name: str = "picture") -> UInt8[np.ndarray, "h w *channels"]:
    """8-bit pixels of a Pillow image: grey ``(H, W)`` from grey modes, RGB ``(H, W, 3)`` from all others.

    Transparency is laid over black, the ground of every ultrasound image. 16-bit and float pictures are scaled as arrays are.

    Args:
        picture: Image of any mode; its EXIF orientation is not applied, since its pixels may have been seen already.
        name: What the error names.

    Raises:
        ImageReadError: The pixels cannot be decoded, are out of range, or are too many.
    """
    refuse_size(name, picture.height, picture.width)
    with naming(name):
        mode = picture.mode
        if mode.startswith("I"):
            values = np.asarray(picture)
            if values.min() < 0 or values.max() > 65535:
                raise ImageReadError(f"{name}: pixel values lie in {values.min()}..{values.max()}; wanted 0..65535")
            return pixels_of_array(values.astype(np.uint16), name)
        if mode == "F":
            return pixels_of_array(np.asarray(picture), name)
        if mode in ("LA", "La"):
            return over_black(np.asarray(picture.convert("LA")))
        if mode in ("RGBA", "RGBa", "PA") or "transparency" in picture.info:
            return over_black(np.asarray(picture.convert("RGBA")))
        return np.array(picture if mode in ("L", "RGB") else picture.convert("L" if mode == "1" else "RGB"))


def open_picture(source: Path | BytesIO) -> Image.Image:
    """Open a picture of one of `FORMATS`; its pixels are not decoded yet.

    Raises:
        ImageReadError: It is of no such format.
    """
    Image.init()  # Pillow loads its rarer formats only when it is asked for none by name
    try:
        return Image.open(source, formats=FORMATS)
    except UnidentifiedImageError as error:
        name = source.name if isinstance(source, Path) else "picture"
        raise ImageReadError(f"{name}: is no image of a known format ({', '.join(FORMATS)} or DICOM), or is damaged") from error


def over_black(pixels: UInt8[np.ndarray, "h w c"]) -> UInt8[np.ndarray, "h w *colours"]:
    """Colour channels times alpha, the last channel: grey ``(H, W)`` from two channels, RGB from four."""
    alpha = pixels[..., -1:].astype(np.float32) / 255
    shown = np.round(pixels[..., :-1] * alpha).astype(np.uint8)
    return shown[..., 0] if shown.shape[-1] == 1 else shown


def read_picture(path: Path, *, spacing: Spacing | None = None) -> UltrasoundImage | Clip:
    """Read a picture file; an animation or a stack of pages becomes a `Clip`.

    The EXIF orientation is applied, so that coordinates are those of the picture as viewers show it.

    Args:
        path: File; recognised by its content, not by its suffix.
        spacing: Millimetres per pixel.

    Raises:
        ImageReadError: No picture of a known format, truncated, or too large.
    """
    with naming(path.name), open_picture(path) as picture:
        refuse_size(path.name, picture.height, picture.width)
        num_frames = int(getattr(picture, "n_frames", 1)) if picture.format in CINE_FORMATS else 1
        if num_frames == 1:
            ImageOps.exif_transpose(picture, in_place=True)
            notes = () if spacing else (NO_SCALE,)
            return UltrasoundImage(pixels_of_picture(picture, path.name), spacing=spacing, notes=notes, name=path.name)
        milliseconds = float(picture.info.get("duration") or 0)
    frames = PictureFrames(path, spacing)
    rate = 1000 / milliseconds if milliseconds > 0 else None
    return Clip(frames, num_frames=num_frames, frame_rate=rate, name=path.name)


class PictureFrames:
    """Frame number to image; the file is opened at the first call, and its encoded bytes are kept.

    Animations store differences between frames, so that going forward in one opened picture is what keeps a pass linear.

    Args:
        path: An animation or a stack.
        spacing: Millimetres per pixel.
    """

    def __init__(self, path: Path, spacing: Spacing | None = None) -> None:
        self.path = path
        self.spacing = spacing
        self._frames: ImageSequence.Iterator | None = None
        self._lock = Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "spacing": self.spacing}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def __call__(self, index: int) -> UltrasoundImage:
        """One frame.

        Raises:
            ImageReadError: The file is gone, or the frame cannot be decoded.
        """
        with self._lock, naming(f"{self.path.name}, frame {index}"):
            if self._frames is None:
                self._frames = ImageSequence.Iterator(open_picture(BytesIO(self.path.read_bytes())))
            pixels = pixels_of_picture(self._frames[index], f"{self.path.name}, frame {index}")
        notes = () if self.spacing else (NO_SCALE,)
        return UltrasoundImage(pixels, spacing=self.spacing, notes=notes, name=f"{self.path.name}#{index}")
