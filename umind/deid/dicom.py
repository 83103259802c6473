"""A DICOM file written anew: cleaned header, pixels behind the curtain, RLE coded without loss."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels.encoders.base import RLELosslessEncoder
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import (
    JPEG2000,
    UID,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLSNearLossless,
    RLELossless,
    UltrasoundImageStorage,
    UltrasoundMultiFrameImageStorage,
)

from umind.deid.pixels import Box

METHOD = "umind: PS3.15 Basic Profile, white list, dates removed"
"""Deidentification Method (0012,0063), 64 characters at most."""
BASIC_PROFILE = codes.DCM.BasicApplicationConfidentialityProfile
CLEAN_PIXELS = codes.DCM.CleanPixelDataOption
"""Codes of PS3.16 CID 7050."""
LOSSY = frozenset({JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLSNearLossless, JPEG2000})
"""Transfer syntaxes that cost detail before the pixels came here."""


def encode(pixels: UInt8[np.ndarray, "h w *c"]) -> bytes:
    """A frame in RLE (PS3.5 annex G), by pydicom itself: GDCM's encoder ends the process at some sizes."""
    height, width = pixels.shape[:2]
    return RLELosslessEncoder.encode(
        pixels,
        encoding_plugin="pydicom",
        rows=height,
        columns=width,
        samples_per_pixel=3 if pixels.ndim == 3 else 1,
        photometric_interpretation="RGB" if pixels.ndim == 3 else "MONOCHROME2",
        planar_configuration=0,
        bits_allocated=8,
        bits_stored=8,
        pixel_representation=0,
        number_of_frames=1,
    )


def write_dicom(
    path: Path,
    header: Dataset,
    frames: Sequence[bytes],
    *,
    size: tuple[int, int],
    colour: bool,
    coding: UID,
    marked: bool,
) -> None:
    """Write a cleaned header with frames. The preamble and the file meta information are new.

    Burned In Annotation says YES where marks are left in the field of view, else NO, to the best of what was seen.

    Args:
        path: File.
        header: From `umind.deid.header.cleaned`; it is completed in place.
        frames: From `encode`.
        size: Width and height of the frames.
        colour: True for RGB, False for grey.
        coding: Transfer syntax that the pixels came in.
        marked: Marks are left in the field of view.
    """
    several = len(frames) > 1
    if "SOPClassUID" not in header:
        header.SOPClassUID = UltrasoundMultiFrameImageStorage if several else UltrasoundImageStorage
    header.setdefault("Modality", "US")
    header.SpecificCharacterSet = "ISO_IR 192"
    header.ImageType = ["DERIVED", "PRIMARY"]
    header.Columns, header.Rows = size
    header.SamplesPerPixel, header.PhotometricInterpretation = (3, "RGB") if colour else (1, "MONOCHROME2")
    if colour:
        header.PlanarConfiguration = 0
    header.BitsAllocated = header.BitsStored = 8
    header.HighBit, header.PixelRepresentation = 7, 0
    if several:
        header.NumberOfFrames = len(frames)
        timing = next((keyword for keyword in ("FrameTimeVector", "FrameTime") if keyword in header), None)
        if timing:
            header.FrameIncrementPointer = header[timing].tag
    if coding in LOSSY:
        header.LossyImageCompression = "01"
    header.BurnedInAnnotation = "YES" if marked else "NO"
    header.PatientIdentityRemoved = "YES"
    header.DeidentificationMethod = METHOD
    header.DeidentificationMethodCodeSequence = [item_of(code) for code in (BASIC_PROFILE, *[CLEAN_PIXELS][marked:])]
    header.PixelData = encapsulate(list(frames))
    header["PixelData"].VR = "OB"
    header.file_meta = FileMetaDataset()
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    header.file_meta.TransferSyntaxUID = RLELossless
    header.save_as(path, enforce_file_format=True)


def item_of(code: Code) -> Dataset:
    """A code as an item of a sequence (PS3.3 8.8)."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code.value, code.scheme_designator, code.meaning
    return item


def crop_regions(header: Dataset, crop: Box, size: tuple[int, int]) -> None:
    """Let the ultrasound regions of a header follow a crop; regions beyond it go, in place.

    The reference pixel counts from the region's corner (PS3.3 C.8.5.5.1.8), which moves where a region is cut. Regions that do
    not lie in the pixels, as in a file that was resampled after export, are removed: nobody knows where they are.

    Args:
        header: Data set.
        crop: Box (x1, y1, x2, y2).
        size: Width and height before the crop.
    """
    left, top, right, bottom = crop
    if "SequenceOfUltrasoundRegions" not in header or crop == (0, 0, *size):
        return
    kept = []
    for region in header.SequenceOfUltrasoundRegions:
        corners = [region.get(f"RegionLocation{corner}") for corner in ("MinX0", "MinY0", "MaxX1", "MaxY1")]
        if any(not isinstance(corner, int) for corner in corners):
            continue
        x0, y0, x1, y1 = corners
        if not (x0 <= x1 <= size[0] and y0 <= y1 <= size[1]):
            del header.SequenceOfUltrasoundRegions
            return
        x_new, y_new = max(x0, left), max(y0, top)
        if x_new > min(x1, right - 1) or y_new > min(y1, bottom - 1):
            continue
        for keyword, moved in (("ReferencePixelX0", x_new - x0), ("ReferencePixelY0", y_new - y0)):
            if isinstance(region.get(keyword), int):
                setattr(region, keyword, region[keyword].value - moved)
        region.RegionLocationMinX0, region.RegionLocationMinY0 = x_new - left, y_new - top
        region.RegionLocationMaxX1, region.RegionLocationMaxY1 = min(x1, right - 1) - left, min(y1, bottom - 1) - top
        kept.append(region)
    header.SequenceOfUltrasoundRegions = kept
    if not kept:
        del header.SequenceOfUltrasoundRegions
