"""DICOM ultrasound: stills and cines, their pixels, spacing and acquisition tags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
from jaxtyping import UInt8
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import apply_color_lut, convert_color_space
from pydicom.pixels.utils import as_pixel_options, get_expected_length
from pydicom.uid import (
    JPEG2000,
    UID,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from umind.geometry.spacing import Spacing
from umind.io.arrays import scale_depth
from umind.io.calibration import Calibration, calibrations_of, number
from umind.io.dicom_file import DicomFile, open_dicom, opened
from umind.io.limits import naming, refuse_size
from umind.io.lossless_jpeg import decode_lossless
from umind.schema.image import Clip, UltrasoundImage

GREY = frozenset({"MONOCHROME1", "MONOCHROME2"})
COLOUR = frozenset({"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_RCT", "YBR_ICT"})
"""Photometric Interpretations (PS3.3 C.7.6.3.1.2) that pydicom's decoders give as RGB."""
PALETTE = "PALETTE COLOR"
LOSSLESS = frozenset({JPEGLossless, JPEGLosslessSV1})
PLUGINS: Mapping[UID, str] = MappingProxyType(
    {
        RLELossless: "pydicom",
        JPEGBaseline8Bit: "pillow",
        JPEGExtended12Bit: "pillow",
        JPEG2000Lossless: "pillow",
        JPEG2000: "pillow",
        JPEGLSLossless: "pyjpegls",
        JPEGLSNearLossless: "pyjpegls",
    }
)
"""Decoder of each coding. Where GDCM is installed pydicom would take that, which ends the process when a file is damaged."""
KEPT = {
    "modality": "Modality",
    "manufacturer": "Manufacturer",
    "model": "ManufacturerModelName",
    "transducer": "TransducerData",
    "transducer type": "TransducerType",
}
"""Acquisition facts that are kept; nothing that names a person, a place or a date."""


@dataclass(frozen=True, eq=False)
class DicomFrames:
    """Frame number to image, decoded from the file at each call.

    Args:
        source: File, or its content.
        name: Of the file; names of the frames of a cine end in ``#3``.
        offset: Byte at which the value of Pixel Data starts.
        coding: Transfer syntax.
        options: What pydicom's decoder has to know of the image.
        palette: Colour of each index, ``(256 or 65536, 3)``, for PALETTE COLOR.
        calibrations: One for each frame, or one for all.
        tags: Acquisition facts.
        numbered: True for the frames of a cine.
    """

    source: Path | bytes
    name: str
    offset: int
    coding: UID
    options: Mapping[str, Any]
    palette: UInt8[np.ndarray, "n 3"] | None
    calibrations: tuple[Calibration, ...]
    tags: Mapping[str, str]
    numbered: bool

    def __call__(self, index: int) -> UltrasoundImage:
        """One frame.

        Raises:
            ImageReadError: The file is gone, or the frame cannot be decoded.
        """
        name = f"{self.name}#{index}" if self.numbered else self.name
        with naming(name):
            pixels = self.eight_bit(self.stored(index))
        known = self.calibrations[index if len(self.calibrations) > 1 else 0]
        return UltrasoundImage(
            pixels,
            spacing=known.spacing,
            calibration=known.source,
            regions=known.regions,
            notes=known.notes,
            name=name,
            tags=dict(self.tags),
        )

    def stored(self, index: int) -> npt.NDArray[Any]:
        """Values of a frame, grey ``(H, W)`` or RGB ``(H, W, 3)``.

        Raises:
            ValueError: The coded picture is not of the size that the header says.
        """
        with opened(self.source) as file:
            file.seek(self.offset)
            if self.coding not in LOSSLESS:
                plugin = PLUGINS.get(self.coding, "")
                return get_decoder(self.coding).as_array(file, index=index, decoding_plugin=plugin, **self.options)[0]
            coded = get_frame(file, index, number_of_frames=self.options["number_of_frames"])
        values = decode_lossless(coded)
        shape = (self.options["rows"], self.options["columns"], *([3] if self.options["samples_per_pixel"] == 3 else []))
        if values.shape != shape:
            raise ValueError(f"the coded picture is of shape {values.shape}, the header says {shape}")
        kind = str(self.options["photometric_interpretation"])
        return values if kind in GREY | {PALETTE, "RGB"} else convert_color_space(values, kind, "RGB")

    def eight_bit(self, values: npt.NDArray[Any]) -> UInt8[np.ndarray, "h w *channels"]:
        """Stored values as 8-bit grey or RGB; MONOCHROME1, whose zero is white, is turned round."""
        pixels: UInt8[np.ndarray, "h w *channels"]
        pixels = scale_depth(values, self.options["bits_stored"]) if self.palette is None else self.palette[values]
        return np.invert(pixels) if self.options["photometric_interpretation"] == "MONOCHROME1" else pixels


def read_dicom(path: Path, *, spacing: Spacing | None = None) -> UltrasoundImage | Clip:
    """Read a DICOM image; several frames become a `Clip` that decodes each frame when it is asked for.

    Args:
        path: File with the ``DICM`` prefix.
        spacing: Millimetres per pixel of the whole picture, instead of what the file says of it and of its regions.

    Raises:
        ImageReadError: No pixels, fewer than the header claims, a coding that nothing installed reads, or a damaged file.
    """
    with naming(path.name):
        file = open_dicom(path)
        header = file.header
        height, width = (int(number(header, keyword) or 0) for keyword in ("Rows", "Columns"))
        refuse_size(path.name, height, width)
        num_frames = int(header.get("NumberOfFrames") or 1)
        refuse_claims(file, num_frames)
        options = as_pixel_options(header, pixel_keyword="PixelData", pixel_vr=file.vr, number_of_frames=num_frames)
        frames = DicomFrames(
            file.source,
            name=path.name,
            offset=file.offset,
            coding=file.coding,
            options=options,
            palette=palette_of(header),
            calibrations=(Calibration(spacing, "user"),) if spacing else calibrations_of(header, height, width, num_frames),
            tags=tags_of(header),
            numbered=num_frames > 1,
        )
        if num_frames == 1:
            return frames(0)
        if isinstance(file.source, Path):
            frames = replace(frames, source=path.resolve())
        return Clip(frames, num_frames=num_frames, frame_rate=frame_rate_of(header), name=path.name)


def refuse_claims(file: DicomFile, num_frames: int) -> None:
    """Refuse a header that claims more than the file holds, or a coding that cannot be read, before pixels are decoded.

    Raises:
        ValueError: What was claimed and what is there.
    """
    header = file.header
    interpretation = str(header.PhotometricInterpretation)
    if interpretation not in GREY | COLOUR | {PALETTE} or int(header.SamplesPerPixel) != (3 if interpretation in COLOUR else 1):
        raise ValueError(f"{interpretation} with {header.SamplesPerPixel} samples per pixel is not read")
    if int(header.PixelRepresentation) != 0 or int(header.BitsAllocated) not in (8, 16):
        kind = "signed" if int(header.PixelRepresentation) else "unsigned"
        raise ValueError(f"wanted unsigned pixels of 8 or 16 bits, got {kind} ones of {header.BitsAllocated}")
    if num_frames < 1:
        raise ValueError(f"{num_frames} frames")
    refuse_coding(file.coding)
    claimed, what = (num_frames, "frames") if file.coding.is_encapsulated else (get_expected_length(header), "bytes of pixels")
    if file.held < claimed:
        raise ValueError(f"the header claims {claimed:,} {what}, the file holds {file.held:,}")


def refuse_coding(coding: UID) -> None:
    """Refuse a transfer syntax that nothing decodes here.

    Raises:
        ValueError: Its name, and what to install if that helps.
    """
    if coding in LOSSLESS or not coding.is_encapsulated:
        return
    plugin = PLUGINS.get(coding)
    if plugin is None:
        raise ValueError(f"pixels coded as {coding.name} are not read")
    if plugin not in get_decoder(coding).available_plugins:
        raise ValueError(f"{coding.name} needs {plugin}: pip install {plugin}")


def palette_of(header: Dataset) -> UInt8[np.ndarray, "n 3"] | None:
    """RGB of every index of a PALETTE COLOR image (PS3.3 C.7.6.3.1.5), else None.

    Tables are of 16 bits as a rule; some files keep 8-bit values in them.
    """
    if str(header.PhotometricInterpretation) != PALETTE:
        return None
    indices = np.arange(2 ** int(header.BitsAllocated), dtype=f"uint{header.BitsAllocated}")
    table = apply_color_lut(indices.reshape(1, -1), header)[0]
    return scale_depth(table, 16 if table.max() > 255 else 8)


def tags_of(header: Dataset) -> dict[str, str]:
    """The acquisition facts that are kept, as strings; of a list the first entry (the transducer, then its settings)."""
    found = {}
    for key, keyword in KEPT.items():
        value = header.get(keyword)
        text = str(value if isinstance(value, str | None) else value[0]).strip() if value else ""
        if text:
            found[key] = text
    return found


def frame_rate_of(header: Dataset) -> float | None:
    """Frames per second from Frame Time, Cine Rate or Recommended Display Frame Rate (PS3.3 C.7.6.5); None when unknown."""
    milliseconds = number(header, "FrameTime")
    if milliseconds and milliseconds > 0:
        return 1000 / milliseconds
    rates = (number(header, keyword) for keyword in ("CineRate", "RecommendedDisplayFrameRate"))
    return next((rate for rate in rates if rate and rate > 0), None)
