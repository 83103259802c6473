from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from umind.io import as_image
from umind.schema.errors import ImageReadError
from umind.schema.image import Clip, UltrasoundImage

GREY = np.arange(0, 240, dtype=np.uint8).reshape(12, 20)
RGB = np.stack([GREY, GREY // 2, 255 - GREY], -1)


@pytest.mark.parametrize("pixels", [GREY, RGB], ids=["grey", "rgb"])
def test_every_dtype_gives_the_same_pixels(pixels):
    tensor = torch.from_numpy(pixels.copy())
    tensor = tensor.permute(2, 0, 1) if pixels.ndim == 3 else tensor
    sources = [
        pixels,
        pixels.astype(np.uint16) * 257,
        pixels.astype(np.uint16),
        pixels / 255,
        (pixels / 255).astype(np.float32),
        np.asfortranarray(pixels)[::-1][::-1],
        pixels.astype(">u2"),
        tensor,
        tensor.float() / 255,
        (tensor.double() / 255).requires_grad_(),
        Image.fromarray(pixels),
    ]
    for source in sources:
        image = as_image(source)
        assert image.pixels.dtype == np.uint8
        np.testing.assert_array_equal(image.pixels, pixels)


def test_tensor_of_one_channel_and_bfloat16():
    np.testing.assert_array_equal(as_image(torch.from_numpy(GREY)[None]).pixels, GREY)
    image = as_image(torch.full((4, 5), 0.5, dtype=torch.bfloat16))
    assert image.pixels.tolist() == [[128] * 5] * 4


def test_twelve_bits_keep_their_brightness():
    values = np.array([[0, 2048, 4095]], np.uint16)
    np.testing.assert_array_equal(as_image(values).pixels, [[0, 128, 255]])
    np.testing.assert_array_equal(as_image(np.array([[0, 32768, 65535]], np.uint16)).pixels, [[0, 128, 255]])


def test_one_pixel_is_an_image():
    assert as_image(np.zeros((1, 1), np.uint8)).pixels.shape == (1, 1)
    assert as_image(np.ones((1, 1, 3))).pixels.tolist() == [[[255, 255, 255]]]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (np.full((2, 2), np.nan), "4 of 4 pixel values are NaN"),
        (np.array([[0.5, np.inf]]), "1 of 2 pixel values are NaN or infinite"),
        (np.array([[0.0, 255.0]]), r"0\.\.255; wanted 0\.\.1"),
        (np.array([[-0.5, 0.5]]), r"-0\.5\.\.0\.5"),
        (np.zeros((2, 2), np.int64), "int64"),
        (np.zeros((2, 2), bool), "bool"),
        (np.zeros((2, 2), complex), "complex"),
        (np.zeros((3, 8, 8), np.uint8), "channels come last"),
        (np.zeros((8, 8, 4), np.uint8), r"wanted \(H, W\) or \(H, W, 3\)"),
        (np.zeros(8, np.uint8), "shape"),
        (np.zeros((0, 8), np.uint8), "zero size"),
        (np.zeros((8, 0, 3), np.float32), "zero size"),
        (torch.zeros(8, 8, 3), "tensor of shape"),
        (torch.zeros(1, 3, 8, 8), "tensor of shape"),
        (torch.zeros(3, 0, 8), "zero size"),
        (torch.full((2, 2), float("nan")), "NaN"),
        (torch.zeros(2, 2, dtype=torch.int32), "int32"),
        ([[1, 2]], "a list is no image"),
        (None, "a NoneType is no image"),
    ],
)
def test_bad_arrays_say_what_is_wrong(source, message):
    with pytest.raises(ImageReadError, match=message):
        as_image(source)


def test_images_and_clips_come_back_as_they_are():
    image = UltrasoundImage(GREY, name="a")
    assert as_image(image) is image
    clip = Clip(lambda index: image, num_frames=2)
    assert as_image(clip) is clip
    spaced = as_image(image, spacing=0.3)
    assert (spaced.spacing.dy, spaced.calibration, spaced.name) == (0.3, "user", "a")
    with pytest.raises(ValueError, match="clip"):
        as_image(clip, spacing=0.3)


def test_spacing_and_names(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "scan.png")
    assert as_image(tmp_path / "scan.png", spacing=0.1).spacing.dx == 0.1
    with Image.open(tmp_path / "scan.png") as picture:
        assert as_image(picture).name == "scan.png"
    assert as_image(GREY, spacing=(0.1, 0.2)).calibration == "user"
