"""Pictures without a header: pixels only, whatever hid beside them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin
from planted_scans import NUM_FRAMES, inside, lettering, planted_frames, speckle

from umind.deid import deidentify
from umind.io import read
from umind.schema.errors import ImageReadError
from umind.schema.image import Clip


def test_text_chunks_of_a_png_are_gone(tmp_path: Path) -> None:
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Patient", "Planted Zyxwine")
    notes.add_itxt("Comment", "Zyxwine")
    Image.fromarray(planted_frames()[0]).save(tmp_path / "scan.png", pnginfo=notes, exif=exif())
    assert (tmp_path / "scan.png").read_bytes().count(b"Zyxwine") == 3
    record = deidentify(tmp_path / "scan.png", tmp_path / "clean", sheet=tmp_path / "sheet.png")
    assert record.file == "clean.png"
    assert b"zyxwine" not in (tmp_path / "clean.png").read_bytes().lower()
    with Image.open(tmp_path / "clean.png") as clean:
        assert not clean.info
    pixels = read(tmp_path / "clean.png").pixels
    assert not pixels[lettering(0) > 0].any()
    assert (pixels == speckle(0))[inside()].mean() > 0.98
    assert (record.removed, record.num_frames) == ({}, 1)


def test_exif_of_a_jpeg_is_gone(tmp_path: Path) -> None:
    picture = Image.fromarray(np.stack([planted_frames()[0]] * 3, -1))
    picture.save(tmp_path / "scan.jpg", exif=exif(), comment=b"Zyxwine", quality=95)
    assert b"Zyxwine" in (tmp_path / "scan.jpg").read_bytes()
    deidentify(tmp_path / "scan.jpg", tmp_path / "clean", sheet=tmp_path / "sheet.png")
    assert b"zyxwine" not in (tmp_path / "clean.png").read_bytes().lower()
    with Image.open(tmp_path / "clean.png") as clean:
        assert not clean.getexif()


def test_a_cine_becomes_pages_without_loss(tmp_path: Path) -> None:
    first, *others = map(Image.fromarray, planted_frames())
    first.save(tmp_path / "scan.tiff", save_all=True, append_images=others, description="Zyxwine")
    deidentify(tmp_path / "scan.tiff", tmp_path / "clean", sheet=tmp_path / "sheet.png")
    clip = read(tmp_path / "clean.tiff")
    assert isinstance(clip, Clip)
    assert len(clip) == NUM_FRAMES
    assert b"zyxwine" not in (tmp_path / "clean.tiff").read_bytes().lower()
    for number, frame in enumerate(clip):
        assert not frame.pixels[lettering(number) > 0].any()
        assert (frame.pixels == speckle(number))[inside()].mean() > 0.98


def test_the_sheet_shows_first_middle_and_last_frame(tmp_path: Path) -> None:
    first, *others = map(Image.fromarray, planted_frames())
    first.save(tmp_path / "scan.tiff", save_all=True, append_images=others)
    deidentify(tmp_path / "scan.tiff", tmp_path / "clean", sheet=tmp_path / "cine.png")
    first.save(tmp_path / "scan.png")
    deidentify(tmp_path / "scan.png", tmp_path / "clean", sheet=tmp_path / "still.png")
    cine, still = (read(tmp_path / name).pixels.astype(int) for name in ("cine.png", "still.png"))
    assert cine.shape[1] == still.shape[1]
    assert 2 < cine.shape[0] / still.shape[0] < 3
    red = (cine[..., 0] > cine[..., 1] + 50) & (cine[..., 0] > cine[..., 2] + 50)
    assert red[:, : red.shape[1] // 2].mean() > 0.3
    assert not red[:, red.shape[1] // 2 :].any()


def test_a_given_box_is_the_field(tmp_path: Path) -> None:
    Image.fromarray(np.full((60, 80), 200, np.uint8)).save(tmp_path / "flat.png")
    record = deidentify(tmp_path / "flat.png", tmp_path / "clean", sheet=tmp_path / "s.png", box=(10, 20, 50, 60), crop=True)
    assert (record.crop, record.size) == ((10, 20, 50, 60), (40, 40))
    assert (read(tmp_path / "clean.png").pixels == 200).all()
    with pytest.raises(ImageReadError, match="does not lie"):
        deidentify(tmp_path / "flat.png", tmp_path / "out", sheet=tmp_path / "o.png", box=(10, 20, 90, 60))


def test_a_picture_without_a_field_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((60, 80), np.uint8)).save(tmp_path / "black.png")
    with pytest.raises(ImageReadError, match="no field of view"):
        deidentify(tmp_path / "black.png", tmp_path / "clean", sheet=tmp_path / "sheet.png")
    assert [path.name for path in tmp_path.iterdir()] == ["black.png"]


def exif() -> Image.Exif:
    data = Image.Exif()
    data[0x010E] = "Zyxwine"
    return data
