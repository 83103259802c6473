"""DICOM ultrasound made for tests, of any photometric interpretation, coding, regions and number of frames.

`duplex` is the one whose distances are known everywhere: two 2D regions of different, anisotropic scale and a strip of Doppler.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

CENTIMETRES, SECONDS, CENTIMETRES_PER_SECOND = 3, 4, 7
TWO_DIMENSIONAL, M_MODE, SPECTRAL, WAVE_FORM, GRAPHICS = 1, 2, 3, 4, 5


def region(
    bounds: Sequence[int] = (0, 0, 23, 15),
    *,
    delta: tuple[float, float] = (0.02, 0.01),
    units: tuple[int, int] = (CENTIMETRES, CENTIMETRES),
    kind: int = TWO_DIMENSIONAL,
) -> Dataset:
    """An ultrasound region; bounds are pixels that belong to it, delta is (x, y) in the units."""
    item = Dataset()
    item.RegionSpatialFormat = kind
    item.RegionDataType = 1
    item.RegionFlags = 2
    item.RegionLocationMinX0, item.RegionLocationMinY0, item.RegionLocationMaxX1, item.RegionLocationMaxY1 = bounds
    item.PhysicalUnitsXDirection, item.PhysicalUnitsYDirection = units
    item.PhysicalDeltaX, item.PhysicalDeltaY = delta
    return item


def measures(dy: float, dx: float) -> Dataset:
    """A functional group with Pixel Measures, as Enhanced Ultrasound has them."""
    inner, group = Dataset(), Dataset()
    inner.PixelSpacing = [dy, dx]
    group.PixelMeasuresSequence = [inner]
    return group


def write_dicom(
    path: Path,
    pixels: np.ndarray,
    *,
    photometric: str = "MONOCHROME2",
    frames: int | None = None,
    bits: int | None = None,
    coding: UID = ExplicitVRLittleEndian,
    encoded: Sequence[bytes] = (),
    **elements: object,
) -> Path:
    """A small ultrasound file.

    Args:
        path: Where to.
        pixels: Unsigned, ``(H, W)`` or ``(H, W, 3)``, with ``frames`` one axis more.
        photometric: Photometric Interpretation.
        frames: Frames of a cine.
        bits: Bits Stored; those of the array when not given.
        coding: Transfer syntax.
        encoded: Frames as the coding wants them; the raw pixels when not given.
        elements: Further elements, or those to have another value.
    """
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = coding
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = "1.2.840.10008.5.1.4.1.1.6.1"
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = generate_uid(entropy_srcs=[str(path)])
    data.Modality = "US"
    frame = pixels[0] if frames else pixels
    data.Rows, data.Columns = frame.shape[:2]
    data.SamplesPerPixel = 3 if frame.ndim == 3 else 1
    if frame.ndim == 3:
        data.PlanarConfiguration = 0
    if frames:
        data.NumberOfFrames = frames
    data.PhotometricInterpretation = photometric
    data.BitsAllocated = pixels.dtype.itemsize * 8
    data.BitsStored = bits or data.BitsAllocated
    data.HighBit = data.BitsStored - 1
    data.PixelRepresentation = 0
    if coding.is_encapsulated:
        data.PixelData = encapsulate(list(encoded) or [pixels.tobytes()])
        data["PixelData"].VR = "OB"
    else:
        raw = pixels.astype(pixels.dtype.newbyteorder("<" if coding.is_little_endian else ">")).tobytes()
        data.PixelData = raw + b"\0" * (len(raw) % 2)
        data["PixelData"].VR = "OW" if data.BitsAllocated > 8 else "OB"
    for keyword, value in elements.items():
        setattr(data, keyword, value)
    data.save_as(path, enforce_file_format=True)
    return path


def duplex(path: Path, *, num_frames: int = 3) -> Path:
    """A cine of 120 x 160 pixels: left half 0.1 (y) by 0.2 (x) mm, right half 0.3 by 0.4 mm, Doppler from row 80 on.

    The upper 80 rows are the two 2D regions, columns 0 to 79 and 80 to 159; rows 80 to 119 are spectral Doppler.
    """
    rng = np.random.default_rng(0)
    regions = [
        region((0, 0, 79, 79), delta=(0.02, 0.01)),
        region((80, 0, 159, 79), delta=(0.04, 0.03)),
        region((0, 80, 159, 119), delta=(0.005, 1.5), units=(SECONDS, CENTIMETRES_PER_SECOND), kind=SPECTRAL),
    ]
    pixels = rng.integers(0, 256, (num_frames, 120, 160), np.uint8)
    frames = num_frames if num_frames > 1 else None
    return write_dicom(
        path, pixels if frames else pixels[0], frames=frames, SequenceOfUltrasoundRegions=regions, FrameTime="40"
    )
