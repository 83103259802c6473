from __future__ import annotations

import pickle

import numpy as np
import pytest
from PIL import Image

from umind.io import as_image, limits, read
from umind.schema.errors import ImageReadError
from umind.schema.image import Clip, UltrasoundImage

GREY = np.tile(np.arange(0, 240, 10, dtype=np.uint8), (16, 1))  # (16, 24)
RGB = np.stack([GREY, GREY // 2, 255 - GREY], -1)


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp", "gif"])
def test_lossless_grey_comes_back_exactly(tmp_path, suffix):
    path = tmp_path / f"scan.{suffix}"
    Image.fromarray(GREY).save(path)
    image = read(path)
    assert isinstance(image, UltrasoundImage)
    assert image.name == path.name
    assert image.spacing is None
    assert image.calibration == "none"
    np.testing.assert_array_equal(image.grey, GREY)


@pytest.mark.parametrize(("suffix", "options"), [("png", {}), ("tif", {}), ("bmp", {}), ("webp", {"lossless": True})])
def test_lossless_colour_comes_back_exactly(tmp_path, suffix, options):
    path = tmp_path / f"scan.{suffix}"
    Image.fromarray(RGB).save(path, **options)
    np.testing.assert_array_equal(read(path).pixels, RGB)


def test_jpeg_is_read_close(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "scan.jpg", quality=95)
    assert np.abs(read(tmp_path / "scan.jpg").pixels.astype(int) - GREY).max() < 12


def test_suffix_does_not_matter(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "scan", format="PNG")
    np.testing.assert_array_equal(read(str(tmp_path / "scan")).pixels, GREY)


def test_cmyk_becomes_rgb(tmp_path):
    Image.fromarray(RGB).convert("CMYK").save(tmp_path / "scan.tif")
    np.testing.assert_array_equal(read(tmp_path / "scan.tif").pixels, RGB)


def test_palette_becomes_rgb(tmp_path):
    picture = Image.new("P", (2, 1))
    picture.putpalette([0, 0, 0, 200, 100, 50])
    picture.putdata([0, 1])
    picture.save(tmp_path / "scan.png")
    np.testing.assert_array_equal(read(tmp_path / "scan.png").pixels, [[[0, 0, 0], [200, 100, 50]]])


def test_palette_with_transparent_bytes(tmp_path):
    picture = Image.new("P", (2, 1))
    picture.putpalette([10, 20, 30, 200, 100, 50])
    picture.putdata([0, 1])
    picture.save(tmp_path / "scan.png", transparency=bytes([0, 255]))
    np.testing.assert_array_equal(read(tmp_path / "scan.png").pixels, [[[0, 0, 0], [200, 100, 50]]])


def test_transparency_lies_over_black():
    alpha = np.full((*GREY.shape, 1), 51, np.uint8)
    seen = as_image(Image.fromarray(np.concatenate([RGB, alpha], -1)))
    np.testing.assert_array_equal(seen.pixels, np.round(RGB * np.float32(0.2)))
    grey = as_image(Image.fromarray(np.concatenate([GREY[..., None], np.full_like(alpha, 255)], -1), "LA"))
    np.testing.assert_array_equal(grey.pixels, GREY)


def test_sixteen_bits_and_float_and_one_bit(tmp_path):
    Image.fromarray(GREY.astype(np.uint16) * 257).save(tmp_path / "deep.png")
    np.testing.assert_array_equal(read(tmp_path / "deep.png").pixels, GREY)
    Image.fromarray(GREY.astype(np.float32) / 255).save(tmp_path / "float.tif")
    np.testing.assert_array_equal(read(tmp_path / "float.tif").pixels, GREY)
    Image.fromarray(GREY > 100).save(tmp_path / "bit.png")
    np.testing.assert_array_equal(read(tmp_path / "bit.png").pixels, (GREY > 100) * 255)


def test_float_and_integer_pictures_out_of_range_are_refused():
    with pytest.raises(ImageReadError, match=r"wanted 0\.\.1"):
        as_image(Image.fromarray(GREY.astype(np.float32)))
    with pytest.raises(ImageReadError, match=r"wanted 0\.\.65535"):
        as_image(Image.fromarray(GREY.astype(np.int32) * 1000))


def test_exif_orientation_is_applied_to_files(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn clockwise
    Image.fromarray(GREY).save(tmp_path / "phone.png", exif=exif)
    np.testing.assert_array_equal(read(tmp_path / "phone.png").pixels, np.rot90(GREY, -1))


@pytest.mark.parametrize("suffix", ["gif", "tif", "png", "webp"])
def test_several_frames_are_a_clip(tmp_path, suffix):
    frames = [Image.fromarray(np.full((8, 8), level, np.uint8)) for level in (10, 90, 200)]
    options = {"tif": {}, "webp": {"lossless": True}}.get(suffix, {})
    frames[0].save(tmp_path / f"cine.{suffix}", save_all=True, append_images=frames[1:], duration=50, **options)
    clip = read(tmp_path / f"cine.{suffix}", spacing=0.2)
    assert isinstance(clip, Clip)
    assert [int(image.grey[0, 0]) for image in clip] == [10, 90, 200]
    assert int(clip[1].grey[4, 4]) == 90  # backwards
    assert clip[-1].name == f"cine.{suffix}#2"
    assert clip[0].spacing.dx == 0.2
    if suffix in ("gif", "png"):
        assert clip.frame_rate == pytest.approx(20)
    assert int(pickle.loads(pickle.dumps(clip))[2].grey[0, 0]) == 200


def test_spacing_of_the_user(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "scan.png")
    image = read(tmp_path / "scan.png", spacing=(0.1, 0.2))
    assert (image.spacing.dy, image.spacing.dx, image.calibration) == (0.1, 0.2, "user")
    with pytest.raises(ValueError, match="positive"):
        read(tmp_path / "scan.png", spacing=-1)


@pytest.mark.parametrize(
    ("name", "content"),
    [("empty.png", b""), ("notes.png", b"no image at all"), ("half.dcm", b"\0" * 128 + b"DICM"), ("half.gif", b"GIF89a")],
)
def test_what_is_no_image_is_refused_by_name(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ImageReadError, match=name):
        read(tmp_path / name)


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "webp", "bmp"])
def test_truncated_is_refused_by_name(tmp_path, suffix):
    path = tmp_path / f"cut.{suffix}"
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (64, 64, 3), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ImageReadError, match=path.name):
        read(path)


def test_missing_file_and_directory_are_refused(tmp_path):
    with pytest.raises(ImageReadError, match=r"gone\.png: no such file"):
        read(tmp_path / "gone.png")
    with pytest.raises(ImageReadError, match="is a directory"):
        read(tmp_path)
    with pytest.raises(ImageReadError):
        read("null\0byte.png")


def test_image_formats_that_run_programs_are_not_opened(tmp_path):
    (tmp_path / "page.eps").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n")
    with pytest.raises(ImageReadError, match=r"page\.eps"):
        read(tmp_path / "page.eps")


@pytest.mark.parametrize("side", [9_000, 12_000, 40_000])
def test_claimed_size_is_refused_before_memory_is_spent(tmp_path, side):
    path = tmp_path / "huge.bmp"
    Image.new("L", (1, 1)).save(path)
    content = bytearray(path.read_bytes())
    content[18:26] = np.array([side, side], "<i4").tobytes()
    path.write_bytes(content)
    with pytest.raises(ImageReadError, match=r"huge\.bmp"):
        read(path)


def test_limit_can_be_moved(tmp_path, monkeypatch):
    Image.fromarray(GREY).save(tmp_path / "scan.png")
    monkeypatch.setattr(limits, "MAX_PIXELS", GREY.size - 1)
    with pytest.raises(ImageReadError, match="more than"):
        read(tmp_path / "scan.png")
