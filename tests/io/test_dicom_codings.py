"""Transfer syntaxes and photometric interpretations, each from a file made here with pydicom, Pillow or GDCM."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import gdcm
import numpy as np
import pytest
from made_dicom import write_dicom
from PIL import Image
from pydicom import dcmread, uid
from pydicom.encaps import get_frame

from umind.io import read
from umind.io.lossless_jpeg import decode_lossless
from umind.schema.errors import ImageReadError

GREY = np.tile(np.arange(0, 240, 10, dtype=np.uint8), (16, 1))  # (16, 24)
RGB = np.stack([GREY, GREY // 2, 255 - GREY], -1)
DEEP = np.round(GREY * (4095 / 255)).astype(np.uint16)  # 12 bits
LOSSLESS_JPEG = (gdcm.TransferSyntax.JPEGLosslessProcess14, gdcm.TransferSyntax.JPEGLosslessProcess14_1)


def recoded(path: Path, coding: int) -> Path:
    """The same file in another transfer syntax, by GDCM."""
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(coding))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    target = path.with_name(f"recoded-{path.name}")
    writer.SetFileName(str(target))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    return target


def jpeg(pixels: np.ndarray, **options: object) -> bytes:
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=95, **options)
    return file.getvalue()


@pytest.mark.parametrize("coding", [uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian])
@pytest.mark.parametrize("pixels", [GREY, RGB, DEEP], ids=["grey", "rgb", "deep"])
def test_uncompressed(coding: uid.UID, pixels: np.ndarray, tmp_path: Path) -> None:
    photometric = "RGB" if pixels.ndim == 3 else "MONOCHROME2"
    bits = 12 if pixels is DEEP else None
    write_dicom(tmp_path / "a.dcm", pixels, photometric=photometric, bits=bits, coding=coding)
    np.testing.assert_array_equal(read(tmp_path / "a.dcm").pixels, GREY if pixels is DEEP else pixels)


@pytest.mark.parametrize(
    "coding",
    [
        gdcm.TransferSyntax.RLELossless,
        *LOSSLESS_JPEG,
        gdcm.TransferSyntax.JPEGLSLossless,
        gdcm.TransferSyntax.JPEG2000Lossless,
        gdcm.TransferSyntax.DeflatedExplicitVRLittleEndian,
    ],
)
@pytest.mark.parametrize("pixels", [GREY, RGB, DEEP, np.stack([GREY, 255 - GREY])], ids=["grey", "rgb", "deep", "cine"])
def test_lossless(coding: int, pixels: np.ndarray, tmp_path: Path) -> None:
    photometric, cine = "RGB" if pixels is RGB else "MONOCHROME2", len(pixels) == 2
    path = tmp_path / "a.dcm"
    write_dicom(path, pixels, photometric=photometric, bits=12 if pixels is DEEP else None, frames=2 if cine else None)
    recoded_path = recoded(path, coding)
    if pixels is DEEP and coding in LOSSLESS_JPEG:  # GDCM codes 12 bits as 16
        with pytest.raises(ImageReadError, match="16 bits a sample"):
            read(recoded_path)
        return
    source = read(recoded_path)
    if cine:
        np.testing.assert_array_equal(np.stack([image.pixels for image in source]), pixels)
    else:
        np.testing.assert_array_equal(source.pixels, GREY if pixels is DEEP else pixels)


@pytest.mark.parametrize("coding", LOSSLESS_JPEG)
def test_lossless_jpeg_with_differences_of_every_category(coding: int, tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 256, (40, 50)).astype(np.uint8)
    values[:3, :3], values[5:9, ::2], values[5:9, 1::2] = 0, 0, 255
    path = recoded(write_dicom(tmp_path / "a.dcm", values), coding)
    coded = get_frame(dcmread(path).PixelData, 0, number_of_frames=1)
    np.testing.assert_array_equal(decode_lossless(coded), values)
    for cut in (3, 30, len(coded) // 2, len(coded) - 10):
        with pytest.raises((ValueError, OSError)):
            decode_lossless(coded[:cut])


@pytest.mark.parametrize("coding", [gdcm.TransferSyntax.JPEGLSNearLossless, gdcm.TransferSyntax.JPEG2000])
@pytest.mark.parametrize("pixels", [GREY, RGB], ids=["grey", "rgb"])
def test_lossy_by_gdcm(coding: int, pixels: np.ndarray, tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm", pixels, photometric="RGB" if pixels.ndim == 3 else "MONOCHROME2")
    assert np.abs(read(recoded(path, coding)).pixels.astype(int) - pixels).max() <= 12


@pytest.mark.parametrize("coding", [uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit])
def test_jpeg(coding: uid.UID, tmp_path: Path) -> None:
    grey = write_dicom(tmp_path / "grey.dcm", GREY, coding=coding, encoded=[jpeg(GREY)])
    assert np.abs(read(grey).pixels.astype(int) - GREY).max() < 12
    for photometric, sampling in (("YBR_FULL_422", "4:2:2"), ("YBR_FULL", "4:4:4")):
        coded = jpeg(RGB, subsampling=sampling)
        path = write_dicom(tmp_path / "colour.dcm", RGB, photometric=photometric, coding=coding, encoded=[coded])
        assert np.abs(read(path).pixels.astype(int) - RGB).max() < 30
    frames = np.stack([GREY, 255 - GREY])
    cine = write_dicom(tmp_path / "cine.dcm", frames, frames=2, coding=coding, encoded=[jpeg(frame) for frame in frames])
    assert [int(image.pixels[0, 0]) < 128 for image in read(cine)] == [True, False]


def test_ybr_without_compression(tmp_path: Path) -> None:
    red = np.empty((4, 4, 3), np.uint8)
    red[:] = (76, 85, 255)  # PS3.3 C.7.6.3.1.2
    full = write_dicom(tmp_path / "full.dcm", red, photometric="YBR_FULL")
    planes = {"PlanarConfiguration": 1, "PixelData": red.transpose(2, 0, 1).tobytes()}
    halved = {"PixelData": bytes([76, 76, 85, 255]) * 8}  # Y Y B R: chroma of two columns together
    split = write_dicom(tmp_path / "planes.dcm", red, photometric="YBR_FULL", **planes)
    half = write_dicom(tmp_path / "422.dcm", red, photometric="YBR_FULL_422", **halved)
    for path in (full, split, half):
        assert np.abs(read(path).pixels.astype(int) - (254, 0, 0)).max() <= 2


def test_planes_and_inverted_and_deep_colour(tmp_path: Path) -> None:
    planes = {"PlanarConfiguration": 1, "PixelData": RGB.transpose(2, 0, 1).tobytes()}
    np.testing.assert_array_equal(read(write_dicom(tmp_path / "a.dcm", RGB, photometric="RGB", **planes)).pixels, RGB)
    inverted = write_dicom(tmp_path / "b.dcm", DEEP, photometric="MONOCHROME1", bits=12)
    np.testing.assert_array_equal(read(inverted).pixels, 255 - GREY)
    deep = RGB.astype(np.uint16) * 257
    np.testing.assert_array_equal(read(write_dicom(tmp_path / "c.dcm", deep, photometric="RGB")).pixels, RGB)


@pytest.mark.parametrize("entries", [8, 16], ids=["8-bit colours", "16-bit colours"])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16], ids=["8-bit indices", "16-bit indices"])
@pytest.mark.parametrize("first", [0, 10])
def test_palettes(entries: int, kind: type, first: int, tmp_path: Path) -> None:
    ramp = np.arange(first, first + 250, dtype=np.uint16)
    tables = {"Red": ramp, "Green": ramp // 2, "Blue": 255 - ramp.clip(max=255)}
    elements = {}
    for colour, table in tables.items():
        elements[f"{colour}PaletteColorLookupTableDescriptor"] = [250, first, entries]
        coded = (table.clip(max=255) * (257 if entries == 16 else 1)).astype("<u2" if entries == 16 else "u1")
        elements[f"{colour}PaletteColorLookupTableData"] = coded.tobytes()
    indices = GREY.clip(min=first).astype(kind)
    image = read(write_dicom(tmp_path / "a.dcm", indices, photometric="PALETTE COLOR", **elements))
    grey = GREY.clip(min=first)
    np.testing.assert_array_equal(image.pixels, np.stack([grey, grey // 2, 255 - grey], -1))
