"""What may be called an ultrasound image, and how a clip hands out frames."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umind.geometry.spacing import Spacing
from umind.schema.image import Clip, UltrasoundImage


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 3)])
def test_grey_and_rgb_are_taken(shape: tuple[int, ...]) -> None:
    image = UltrasoundImage(np.zeros(shape, np.uint8))
    assert (image.height, image.width, image.grey.shape) == (4, 5, (4, 5))
    assert image.spacing is None
    assert image.calibration == "none"


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 5), np.float32),
        np.zeros((4, 5), np.uint16),
        np.zeros((4, 5), bool),
        np.zeros(4, np.uint8),
        np.zeros((4, 5, 1), np.uint8),
        np.zeros((4, 5, 4), np.uint8),
        np.zeros((2, 4, 5, 3), np.uint8),
    ],
)
def test_other_arrays_are_refused(pixels: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"umind\.read converts"):
        UltrasoundImage(pixels)


@pytest.mark.parametrize("shape", [(0, 5), (4, 0), (0, 0, 3)])
def test_no_pixels(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="zero size"):
        UltrasoundImage(np.zeros(shape, np.uint8))


def test_spacing_of_the_user_is_named_so() -> None:
    pixels = np.zeros((4, 5), np.uint8)
    assert UltrasoundImage(pixels, spacing=0.2).spacing == Spacing(0.2, 0.2)
    assert UltrasoundImage(pixels, spacing=(0.2, 0.3)).calibration == "user"
    assert UltrasoundImage(pixels, spacing=Spacing(0.2, 0.3), calibration="dicom-region").calibration == "dicom-region"
    with pytest.raises(ValueError, match="positive"):
        UltrasoundImage(pixels, spacing=0.0)


def test_luma_equals_opencv() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    want = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(int)
    assert np.abs(UltrasoundImage(pixels).grey.astype(int) - want).max() <= 1
    grey = pixels[..., :1].repeat(3, -1)
    np.testing.assert_array_equal(UltrasoundImage(grey).grey, grey[..., 0])


@given(num=st.integers(0, 9))
def test_clip_is_a_sequence_decoded_on_demand(num: int) -> None:
    decoded: list[int] = []

    def frame(index: int) -> UltrasoundImage:
        decoded.append(index)
        return UltrasoundImage(np.full((2, 2), index, np.uint8))

    clip = Clip(frame, num_frames=num)
    assert decoded == []
    assert len(clip) == num
    assert [image.pixels[0, 0] for image in clip] == list(range(num))
    assert [clip[index].pixels[0, 0] for index in range(-num, num)] == 2 * list(range(num))
    for index in (num, -num - 1):
        with pytest.raises(IndexError, match=f"frame {index}"):
            clip[index]
