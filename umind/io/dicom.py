"""DICOM ultrasound: stills and cines, their pixels, spacing and acquisition tags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from jaxtyping import UInt8
from pydicom import dcmread
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.encaps import parse_basic_offsets, parse_fragments
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import apply_color_lut
from pydicom.pixels.utils import get_expected_length, pixel_array
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

from umind.geometry.spacing import Spacing
from umind.io.arrays import scale_depth
from umind.io.calibration import calibration_of, number
from umind.io.limits import naming, refuse_size
from umind.schema.errors import ImageReadError
from umind.schema.image import CalibrationSource, Clip, UltrasoundImage

GREY = frozenset({"MONOCHROME1", "MONOCHROME2"})
COLOUR = frozenset({"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_RCT", "YBR_ICT"})
"""Photometric Interpretations (PS3.3 C.7.6.3.1.2) that pydicom's decoders give as RGB."""
PALETTE = "PALETTE COLOR"
PIXELS = 0x7FE00010
KEPT = {
    "modality": "Modality",
    "manufacturer": "Manufacturer",
    "model": "ManufacturerModelName",
    "transducer": "TransducerData",
    "transducer type": "TransducerType",
}
"""Acquisition facts that are kept; nothing that names a person, a place or a date."""
DEFER = 2**20
"""Elements above this many bytes stay on the disk while the header is read."""


@dataclass(frozen=True, eq=False)
class DicomFrames:
    """Frame number to image, decoded from the file at each call.

    Args:
        path: File.
        interpretation: Photometric Interpretation.
        bits: Bits Stored, which 8-bit pixels are scaled from.
        palette: Colour of each index, ``(256 or 65536, 3)``, for PALETTE COLOR.
        spacing: Millimetres per pixel.
        calibration: Source of the spacing.
        tags: Acquisition facts.
        numbered: True for the frames of a cine, whose names end in ``#3``.
    """

    path: Path
    interpretation: str
    bits: int
    palette: UInt8[np.ndarray, "n 3"] | None
    spacing: Spacing | None
    calibration: CalibrationSource
    tags: Mapping[str, str]
    numbered: bool

    def __call__(self, index: int) -> UltrasoundImage:
        """One frame.

        Raises:
            ImageReadError: The file is gone, or the frame cannot be decoded.
        """
        name = f"{self.path.name}#{index}" if self.numbered else self.path.name
        with naming(name):
            pixels = self.eight_bit(pixel_array(self.path, index=index))
        return UltrasoundImage(pixels, spacing=self.spacing, calibration=self.calibration, name=name, tags=dict(self.tags))

    def eight_bit(self, values: npt.NDArray[Any]) -> UInt8[np.ndarray, "h w *channels"]:
        """Stored values as 8-bit grey or RGB; MONOCHROME1, whose zero is white, is turned round."""
        pixels: UInt8[np.ndarray, "h w *channels"]
        pixels = scale_depth(values, self.bits) if self.palette is None else self.palette[values]
        return np.invert(pixels) if self.interpretation == "MONOCHROME1" else pixels


def is_dicom(path: Path) -> bool:
    """True when the file has the ``DICM`` prefix after its preamble (PS3.10 7.1)."""
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def read_dicom(path: Path, *, spacing: Spacing | None = None) -> UltrasoundImage | Clip:
    """Read a DICOM image; several frames become a `Clip` that decodes each frame when it is asked for.

    Args:
        path: File with the ``DICM`` prefix.
        spacing: Millimetres per pixel, instead of those of the file.

    Raises:
        ImageReadError: No pixels, fewer than the header claims, a coding that nothing installed reads, or a damaged file.
    """
    with naming(path.name):
        header = dcmread(path, defer_size=DEFER)
        if PIXELS not in header:
            raise ImageReadError(f"{path.name}: DICOM without pixels ({header.get('Modality', 'unknown modality')})")
        height, width = (int(number(header, keyword) or 0) for keyword in ("Rows", "Columns"))
        refuse_size(path.name, height, width)
        num_frames = int(header.get("NumberOfFrames") or 1)
        refuse_claims(header, path, num_frames)
        found, source = calibration_of(header, height, width)
        frames = DicomFrames(
            path,
            interpretation=str(header.PhotometricInterpretation),
            bits=int(header.BitsStored),
            palette=palette_of(header),
            spacing=spacing or found,
            calibration="user" if spacing else source,
            tags=tags_of(header),
            numbered=num_frames > 1,
        )
        if num_frames == 1:
            return frames(0)
        frames = replace(frames, path=path.resolve())
        return Clip(frames, num_frames=num_frames, frame_rate=frame_rate_of(header), name=path.name)


def refuse_claims(header: Dataset, path: Path, num_frames: int) -> None:
    """Refuse a header that claims more than the file holds, or a coding that cannot be read, before pixels are decoded.

    Raises:
        ImageReadError: What was claimed and what is there.
    """
    name = path.name
    coding = UID(header.file_meta.TransferSyntaxUID)
    pixels = header.get_item(PIXELS, keep_deferred=True)
    assert isinstance(pixels, RawDataElement), "pixels were looked at before their size was checked"
    interpretation = str(header.PhotometricInterpretation)
    if interpretation not in GREY | COLOUR | {PALETTE} or int(header.SamplesPerPixel) != (3 if interpretation in COLOUR else 1):
        raise ImageReadError(f"{name}: {interpretation} with {header.SamplesPerPixel} samples per pixel is not read")
    if int(header.PixelRepresentation) != 0 or int(header.BitsAllocated) not in (8, 16):
        kind = "signed" if int(header.PixelRepresentation) else "unsigned"
        raise ImageReadError(f"{name}: wanted unsigned pixels of 8 or 16 bits, got {kind} ones of {header.BitsAllocated}")
    if num_frames < 1:
        raise ImageReadError(f"{name}: {num_frames} frames")
    if coding == DeflatedExplicitVRLittleEndian:  # pydicom inflates the whole file at once, whatever it holds
        raise ImageReadError(f"{name}: deflated DICOM is not read; store it uncompressed first")
    if not get_decoder(coding).is_available:
        raise ImageReadError(f"{name}: nothing installed decodes {coding.name}; pip install python-gdcm")
    if coding.is_encapsulated:
        with path.open("rb") as file:
            file.seek(pixels.value_tell)
            parse_basic_offsets(file)
            held = parse_fragments(file)[0]
        claimed, what = num_frames, "frames"
    else:
        held = min(pixels.length, path.stat().st_size - pixels.value_tell)
        claimed, what = get_expected_length(header), "bytes of pixels"
    if held < claimed:
        raise ImageReadError(f"{name}: the header claims {claimed:,} {what}, the file holds {held:,}")


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
