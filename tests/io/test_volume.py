"""NIfTI and MetaImage through `read`: stills and clips with the header's scale."""

from __future__ import annotations

import gzip
import pickle
import struct
from pathlib import Path

import nibabel
import numpy as np
import pytest

from umind.geometry.spacing import Spacing
from umind.io import nifti, read, volume
from umind.schema.errors import ImageReadError
from umind.schema.image import Clip, UltrasoundImage

GREY = np.arange(0, 240, dtype=np.uint8).reshape(12, 20)
STACK = np.stack([GREY, GREY[::-1], 255 - GREY])


def write_nifti(
    path: Path, slices: np.ndarray, *, voxel: tuple[float, ...] = (0.2, 0.1, 0.5), unit: str | None = "mm", two: bool = False
) -> Path:
    """Slices, rows and columns as the reader gives them."""
    kind = nibabel.Nifti2Image if two else nibabel.Nifti1Image
    values = np.asfortranarray(slices.T)
    image = kind(values, np.eye(4))
    image.header.set_zooms(voxel[: values.ndim])
    image.header.set_xyzt_units(unit)
    nibabel.save(image, path)
    return path


def write_meta(path: Path, values: bytes, **fields: str) -> Path:
    header = {"ObjectType": "Image", "NDims": "2", "DimSize": "20 12", "ElementSpacing": "0.2 0.1", "ElementType": "MET_UCHAR"}
    lines = "".join(f"{key} = {value}\n" for key, value in (header | fields).items() if value)
    path.write_bytes(f"{lines}ElementDataFile = LOCAL\n".encode() + values)
    return path


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("two", [False, True], ids=["nifti-1", "nifti-2"])
def test_nifti_is_recognised_by_content(name: str, two: bool, tmp_path: Path) -> None:
    path = write_nifti(tmp_path / name, STACK, two=two)
    clip = read(path.rename(tmp_path / "scan"))
    assert isinstance(clip, Clip)
    assert (len(clip), clip.name, clip[2].name) == (3, "scan", "scan#2")
    np.testing.assert_array_equal(np.stack([image.pixels for image in pickle.loads(pickle.dumps(clip))]), STACK)
    assert (clip[0].spacing.dy, clip[0].spacing.dx) == pytest.approx((0.1, 0.2))
    assert clip[0].calibration == "header"
    assert read(tmp_path / "scan", spacing=0.7)[0].calibration == "user"


def test_flat_nifti_is_a_still(tmp_path: Path) -> None:
    image = read(write_nifti(tmp_path / "a.nii", GREY))
    assert isinstance(image, UltrasoundImage)
    np.testing.assert_array_equal(image.pixels, GREY)
    assert image.name == "a.nii"


def test_nifti_without_a_usable_scale(tmp_path: Path) -> None:
    image = read(write_nifti(tmp_path / "a.nii", GREY, unit=None))
    assert (image.spacing, image.calibration, image.notes) == (None, "none", ("the header states no unit of length",))
    image = read(write_nifti(tmp_path / "b.nii", GREY, voxel=(0.0, 0.1)))
    assert image.spacing is None
    assert "0 by 0.1 mm" in image.notes[0]
    assert read(tmp_path / "b.nii", spacing=0.2).notes == ()
    image = read(write_nifti(tmp_path / "c.nii", GREY, voxel=(1.0, 1.0)))
    assert (image.spacing, image.calibration) == (None, "suspect")
    assert read(tmp_path / "c.nii", spacing=1.0).spacing == Spacing(1.0, 1.0)


def test_meta_image(tmp_path: Path) -> None:
    image = read(write_meta(tmp_path / "a.bin", GREY.tobytes()))
    assert isinstance(image, UltrasoundImage)
    np.testing.assert_array_equal(image.pixels, GREY)
    assert (image.spacing, image.calibration) == (Spacing(0.1, 0.2), "header")
    path = write_meta(tmp_path / "b.mha", STACK.tobytes(), NDims="3", DimSize="20 12 3", ElementSpacing="")
    clip = read(path)
    np.testing.assert_array_equal(np.stack([image.pixels for image in clip]), STACK)
    assert (clip[0].spacing, clip[0].notes) == (None, ("the header holds no ElementSpacing",))
    colours = np.stack([GREY, GREY // 2, 255 - GREY], -1)
    coloured = write_meta(tmp_path / "c.mha", colours.tobytes(), ElementNumberOfChannels="3")
    np.testing.assert_array_equal(read(coloured).pixels, colours)
    with pytest.raises(ImageReadError, match=r"d\.mha: 2 dimensions with 2 channels"):
        read(write_meta(tmp_path / "d.mha", colours[..., :2].tobytes(), ElementNumberOfChannels="2"))


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_whole_numbers_are_brightness(kind: type, tmp_path: Path) -> None:
    np.testing.assert_array_equal(read(write_nifti(tmp_path / "a.nii", GREY.astype(kind))).pixels, GREY)


def test_depth_is_that_of_the_volume() -> None:
    values = np.array([[[0, 100]], [[0, 4095]]], np.int16)
    np.testing.assert_array_equal(volume.levels_of(values), [[[0, 6]], [[0, 255]]])
    np.testing.assert_array_equal(volume.levels_of(np.array([[[0.0, 0.5, 1.0]]])), [[[0, 128, 255]]])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.full((1, 2, 2), -3, np.int16), "lie in -3"),
        (np.full((1, 2, 2), 70000, np.int32), "70000"),
        (np.full((1, 2, 2), 2.5), r"wanted 0\.\.1"),
        (np.full((1, 2, 2), np.nan), "NaN"),
        (np.full((1, 2, 2), np.inf), "inf"),
        (np.zeros((1, 2, 2), complex), "complex"),
    ],
)
def test_what_is_no_brightness(values: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        volume.levels_of(values)


def test_volumes_that_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_nifti(tmp_path / "a.nii", STACK)
    content = bytearray(path.read_bytes())
    content[108:112] = struct.pack("<f", 2e9)
    (tmp_path / "far.nii.gz").write_bytes(gzip.compress(bytes(content) + bytes(10**6)))
    with pytest.raises(ImageReadError, match="start at byte 2e"):
        read(tmp_path / "far.nii.gz")
    cut = tmp_path / "cut.nii"
    cut.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(ImageReadError, match=r"cut\.nii"):
        read(cut)
    assert not nifti.is_nifti(gzip.compress(b"text")[:10])
    monkeypatch.setattr(volume, "MAX_VOLUME", 100)
    with pytest.raises(ImageReadError, match=r"a\.nii: a volume of"):
        read(path)
