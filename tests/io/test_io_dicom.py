from __future__ import annotations

import pickle

import numpy as np
import pytest
from made_dicom import region, write_dicom
from pydicom.data import get_testdata_file
from pydicom.uid import MPEG4HP41, DeflatedExplicitVRLittleEndian, JPEGLSLossless, RLELossless

from umind.io import dicom_file, limits, read
from umind.schema.errors import ImageReadError
from umind.schema.image import Clip, UltrasoundImage

GREY = np.tile(np.arange(0, 240, 10, dtype=np.uint8), (16, 1))  # (16, 24)
RGB = np.stack([GREY, GREY // 2, 255 - GREY], -1)


def test_grey_colour_inverted_and_deep(tmp_path):
    np.testing.assert_array_equal(read(write_dicom(tmp_path / "a.dcm", GREY)).pixels, GREY)
    np.testing.assert_array_equal(read(write_dicom(tmp_path / "b.dcm", RGB, photometric="RGB")).pixels, RGB)
    np.testing.assert_array_equal(read(write_dicom(tmp_path / "c.dcm", GREY, photometric="MONOCHROME1")).pixels, 255 - GREY)
    deep = np.array([[0, 2048, 4095]], np.uint16)
    np.testing.assert_array_equal(read(write_dicom(tmp_path / "d.dcm", deep, bits=12)).pixels, [[0, 128, 255]])


def test_ybr_becomes_rgb(tmp_path):
    ybr = np.empty((4, 4, 3), np.uint8)
    ybr[:] = (76, 85, 255)  # red, PS3.3 C.7.6.3.1.2
    image = read(write_dicom(tmp_path / "red.dcm", ybr, photometric="YBR_FULL"))
    assert np.abs(image.pixels.astype(int) - (254, 0, 0)).max() <= 2


@pytest.mark.parametrize("sixteen", [True, False], ids=["16-bit table", "8-bit values"])
def test_palette_becomes_rgb(tmp_path, sixteen):
    ramp = np.arange(256, dtype=np.uint16)
    tables = {"Red": ramp, "Green": ramp // 2, "Blue": 255 - ramp}
    tags = {}
    for colour, table in tables.items():
        tags[f"{colour}PaletteColorLookupTableDescriptor"] = [256, 0, 16]
        tags[f"{colour}PaletteColorLookupTableData"] = (table * (257 if sixteen else 1)).astype("<u2").tobytes()
    image = read(write_dicom(tmp_path / "palette.dcm", GREY, photometric="PALETTE COLOR", **tags))
    np.testing.assert_array_equal(image.pixels, RGB)


def test_cine_is_a_clip_that_pickles(tmp_path):
    frames = np.stack([GREY, GREY // 2, 255 - GREY])
    clip = read(write_dicom(tmp_path / "cine.dcm", frames, frames=3, FrameTime="40", PixelSpacing=[0.2, 0.1]))
    assert isinstance(clip, Clip)
    assert (len(clip), clip.frame_rate) == (3, pytest.approx(25))
    for image, wanted in zip(pickle.loads(pickle.dumps(clip)), frames, strict=True):
        np.testing.assert_array_equal(image.pixels, wanted)
    assert clip[2].name == "cine.dcm#2"
    assert (clip[0].spacing.dy, clip[0].spacing.dx, clip[0].calibration) == (0.2, 0.1, "dicom-pixel-spacing")
    (tmp_path / "cine.dcm").unlink()
    with pytest.raises(ImageReadError, match=r"cine\.dcm#1"):
        clip[1]


def test_tags_of_acquisition_and_none_of_the_patient(tmp_path):
    path = write_dicom(
        tmp_path / "a.dcm",
        GREY,
        Manufacturer="ACME ",
        TransducerType="LINEAR",
        TransducerData=["L12", ""],
        PatientName="Doe^Jo",
    )
    tags = read(path).tags
    assert tags == {"modality": "US", "manufacturer": "ACME", "transducer": "L12", "transducer type": "LINEAR"}


@pytest.mark.parametrize(
    ("tags", "spacing", "source"),
    [
        ({"SequenceOfUltrasoundRegions": [region()]}, (0.1, 0.2), "dicom-region"),
        ({"SequenceOfUltrasoundRegions": [region(delta=(-0.02, 0.01))]}, (0.1, 0.2), "dicom-region"),
        ({"SequenceOfUltrasoundRegions": [region(), region()], "PixelSpacing": [9, 9]}, (0.1, 0.2), "dicom-region"),
        ({"SequenceOfUltrasoundRegions": [region((0, 0, 24, 16))]}, (0.1, 0.2), "dicom-region"),  # one past the end
        ({"SequenceOfUltrasoundRegions": [region(), region(kind=3, units=(4, 7))]}, (0.1, 0.2), "dicom-region"),
        ({"SequenceOfUltrasoundRegions": [region((0, 0, 40, 15))], "PixelSpacing": [0.5, 0.5]}, None, "suspect"),
        ({"SequenceOfUltrasoundRegions": [region(), region((0, 8, 23, 90), kind=3)]}, None, "suspect"),
        ({"SequenceOfUltrasoundRegions": [region((9, 0, 2, 15))]}, None, "suspect"),
        ({"SequenceOfUltrasoundRegions": [region(), region(delta=(0.03, 0.01))]}, None, "dicom-region"),
        ({"SequenceOfUltrasoundRegions": [region(), region(units=(0, 0))]}, None, "dicom-region"),
        ({"SequenceOfUltrasoundRegions": [region(units=(4, 3), kind=2)], "PixelSpacing": [0.5, 0.5]}, None, "none"),
        (
            {"SequenceOfUltrasoundRegions": [region(units=(0, 0))], "PixelSpacing": [0.5, 0.4]},
            (0.5, 0.4),
            "dicom-pixel-spacing",
        ),
        ({"SequenceOfUltrasoundRegions": [region(delta=(0.0, 0.01))]}, None, "none"),
        ({"SequenceOfUltrasoundRegions": [region(delta=(float("nan"), 0.01))]}, None, "none"),
        ({"PixelSpacing": [0.3, 0.2]}, (0.3, 0.2), "dicom-pixel-spacing"),
        ({"PixelSpacing": [1, 1]}, None, "suspect"),
        ({"PixelSpacing": [0, 0.2]}, None, "none"),
        ({"NominalScannedPixelSpacing": [0.3, 0.2], "ImagerPixelSpacing": [0.3, 0.2]}, None, "none"),
        ({}, None, "none"),
    ],
)
def test_spacing_is_never_guessed(tmp_path, tags, spacing, source):
    path = write_dicom(tmp_path / "a.dcm", GREY, **tags)
    image = read(path)
    assert image.calibration == source
    if spacing is None:
        assert image.spacing is None
    else:
        assert (image.spacing.dy, image.spacing.dx) == pytest.approx(spacing)
    user = read(path, spacing=0.7)
    assert (user.spacing.dy, user.calibration) == (0.7, "user")


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ({"Rows": 60_000, "Columns": 60_000}, "more than"),
        ({"Rows": 4000}, "claims 96,000 bytes of pixels, the file holds 384"),
        ({"NumberOfFrames": 1_000_000}, "claims 384,000,000"),
        ({"NumberOfFrames": -3}, "-3 frames"),
        ({"Rows": 0}, "zero size"),
        ({"BitsAllocated": 16, "BitsStored": 16}, "claims 768"),
        ({"PixelRepresentation": 1}, "signed"),
        ({"PhotometricInterpretation": "HSV"}, "HSV"),
        ({"SamplesPerPixel": 3}, "3 samples"),
    ],
)
def test_headers_that_lie_are_refused(tmp_path, tags, message):
    path = write_dicom(tmp_path / "liar.dcm", GREY, **tags)
    with pytest.raises(ImageReadError, match=rf"liar\.dcm.*{message}"):
        read(path)


def test_large_pixel_data_stays_on_the_disk_and_is_still_counted(tmp_path, monkeypatch):
    big = np.zeros((1200, 1000), np.uint8)  # above the size at which elements are deferred
    assert read(write_dicom(tmp_path / "big.dcm", big)).pixels.shape == big.shape
    with pytest.raises(ImageReadError, match="claims"):
        read(write_dicom(tmp_path / "liar.dcm", big, Rows=1300))
    monkeypatch.setattr(limits, "MAX_PIXELS", 1000)
    with pytest.raises(ImageReadError, match="more than"):
        read(tmp_path / "big.dcm")


def test_truncated_and_pixelless_are_refused(tmp_path):
    path = write_dicom(tmp_path / "cut.dcm", GREY)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ImageReadError, match=r"cut\.dcm"):
        read(path)
    path = write_dicom(tmp_path / "report.dcm", GREY)
    content = path.read_bytes()
    path.write_bytes(content[: content.rindex(b"\xe0\x7f\x10\x00")])
    with pytest.raises(ImageReadError, match="without pixels"):
        read(path)


def test_encapsulated_frames_are_counted(tmp_path):
    path = write_dicom(tmp_path / "rle.dcm", GREY, coding=RLELossless, NumberOfFrames=900)
    with pytest.raises(ImageReadError, match="claims 900 frames, the file holds 1"):
        read(path)


def test_deflated(tmp_path, monkeypatch):
    frames = np.stack([GREY, 255 - GREY])
    path = write_dicom(tmp_path / "flat.dcm", frames, frames=2, coding=DeflatedExplicitVRLittleEndian, PixelSpacing=[0.2, 0.1])
    clip = pickle.loads(pickle.dumps(read(path)))
    np.testing.assert_array_equal(np.stack([image.pixels for image in clip]), frames)
    assert clip[1].spacing.dy == 0.2
    cut = tmp_path / "cut.dcm"
    cut.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ImageReadError, match=r"cut\.dcm: the deflated data end early"):
        read(cut)
    monkeypatch.setattr(dicom_file, "MAX_INFLATED", 900)
    with pytest.raises(ImageReadError, match=r"flat\.dcm: deflated data of more than 900 bytes"):
        read(path)


def test_codings_that_cannot_be_read_say_so(tmp_path):
    path = write_dicom(tmp_path / "jls.dcm", GREY, coding=JPEGLSLossless)
    with pytest.raises(ImageReadError, match=r"jls\.dcm"):
        read(path)
    path = write_dicom(tmp_path / "film.dcm", GREY, coding=MPEG4HP41)
    with pytest.raises(ImageReadError, match=r"film\.dcm: .*MPEG-4"):
        read(path)


def test_headers_of_endless_items_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(dicom_file, "MAX_ITEMS", 3)
    with pytest.raises(ImageReadError, match="SequenceOfUltrasoundRegions is longer"):
        read(write_dicom(tmp_path / "a.dcm", GREY, SequenceOfUltrasoundRegions=[region()] * 4))
    monkeypatch.setattr(dicom_file, "MAX_READS", 10)
    with pytest.raises(ImageReadError, match=r"b\.dcm: the header holds more elements"):
        read(write_dicom(tmp_path / "b.dcm", GREY))


def test_files_of_pydicom():
    ybr = read(get_testdata_file("examples_ybr_color.dcm", download=False))
    assert isinstance(ybr, Clip)
    assert len(ybr) == 30
    assert (ybr[29].pixels.shape, ybr[29].spacing, ybr[29].calibration) == ((240, 320, 3), None, "suspect")
    palette = read(get_testdata_file("examples_palette.dcm", download=False))
    assert isinstance(palette, UltrasoundImage)
    # 350 rows, but its regions end at rows 518 and 576: it was cut or resampled after export
    assert (palette.pixels.shape, palette.spacing, palette.calibration) == ((350, 800, 3), None, "suspect")
    assert palette.tags["transducer type"] == "CURVED LINEAR"
    rgb = read(get_testdata_file("examples_rgb_color.dcm", download=False))
    assert (rgb.pixels.shape, rgb.calibration, rgb.tags["model"]) == ((240, 320, 3), "none", "LOGIQ 700")
    assert read(get_testdata_file("examples_jpeg2k.dcm", download=False)).pixels.shape == (480, 640, 3)
    assert read(get_testdata_file("ExplVR_BigEnd.dcm", download=False)).pixels.shape == (60, 80, 3)
