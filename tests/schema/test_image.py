"""What may be called an ultrasound image, and how a clip hands out frames."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umind.geometry.region import RegionKind, UltrasoundRegion
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


def region(xyxy: tuple[float, float, float, float], spacing: Spacing | None, kind: RegionKind = "2D") -> UltrasoundRegion:
    return UltrasoundRegion(xyxy, kind=kind, spacing=spacing)


LEFT, RIGHT = region((0.0, 0.0, 40.0, 30.0), Spacing(0.1, 0.2)), region((40.0, 0.0, 80.0, 30.0), Spacing(0.3, 0.4))
STRIP = region((0.0, 30.0, 80.0, 60.0), None, "spectral")
PIXELS = np.arange(60 * 80, dtype=np.uint32).astype(np.uint8).reshape(60, 80)


def test_spacing_is_what_the_regions_share() -> None:
    assert UltrasoundImage(PIXELS, regions=(LEFT, STRIP)).spacing == LEFT.spacing
    assert UltrasoundImage(PIXELS, regions=(LEFT, STRIP)).calibration == "user"
    for regions in ((LEFT, RIGHT), (STRIP,), (LEFT, region((40.0, 0.0, 80.0, 30.0), None))):
        assert UltrasoundImage(PIXELS, regions=regions, calibration="dicom-region").spacing is None
    image = UltrasoundImage(PIXELS, regions=(LEFT, RIGHT, STRIP))
    assert image.spacing_at(np.array([(1, 1), (30, 20)])) == LEFT.spacing
    assert image.spacing_at(np.array([(41, 1), (60, 20)])) == RIGHT.spacing
    assert image.spacing_at(np.array([(30, 1), (60, 20)])) is None
    assert image.spacing_at(np.array([(30, 40), (60, 50)])) is None
    whole = UltrasoundImage(PIXELS, spacing=0.5)
    assert whole.spacing_at(np.array([(30, 1), (60, 20)])) == whole.spacing_at(np.array([(0, 0)])) == Spacing(0.5, 0.5)
    assert UltrasoundImage(PIXELS).spacing_at(np.array([(30, 1), (60, 20)])) is None


def test_regions_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="leaves the 80 x 60 pixels"):
        UltrasoundImage(PIXELS, regions=(region((0.0, 0.0, 81.0, 30.0), LEFT.spacing),))
    with pytest.raises(ValueError, match="contradicts the regions"):
        UltrasoundImage(PIXELS, spacing=0.5, regions=(LEFT,))
    assert UltrasoundImage(PIXELS, regions=(region((0.0, 0.0, 800.0, 300.0), None),), calibration="suspect").spacing is None


def test_a_crop_outside_every_region_has_no_scale() -> None:
    image = UltrasoundImage(PIXELS, regions=(region((0.0, 0.0, 20.0, 20.0), Spacing(1.0, 1.0)),))
    cut = image.crop((30, 30, 50, 50))
    assert (cut.spacing, cut.regions, cut.calibration) == (None, (), "none")
    assert "no scale" in cut.notes[0]
    assert image.crop((0, 0, 10, 10)).spacing == Spacing(1.0, 1.0)


@pytest.mark.parametrize("box", [(0, 0, 81, 60), (-1, 0, 8, 8), (5, 5, 5, 9), (0.5, 0, 8, 8), (0, 0, 8)])
def test_boxes_that_cannot_be_cut_out(box: tuple[float, ...]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (what is wrong with the box differs)
        UltrasoundImage(PIXELS).crop(box)


@given(data=st.data())
def test_scale_follows_every_crop_and_resize(data: st.DataObject) -> None:
    """The length of a line in millimetres, and whether it has one, is the same before and after."""
    image = UltrasoundImage(PIXELS, regions=(LEFT, RIGHT, STRIP), calibration="dicom-region")
    x1, y1 = data.draw(st.integers(0, 78)), data.draw(st.integers(0, 58))
    x2, y2 = data.draw(st.integers(x1 + 1, 80)), data.draw(st.integers(y1 + 1, 60))
    height, width = data.draw(st.integers(1, 150)), data.draw(st.integers(1, 150))
    xs = data.draw(st.lists(st.floats(0.01, 0.99), min_size=2, max_size=2))
    ys = data.draw(st.lists(st.floats(0.01, 0.99), min_size=2, max_size=2))
    places = np.stack([xs, ys], -1)
    seen = image.crop((x1, y1, x2, y2)).resize(height, width)
    assert seen.pixels.shape == (height, width)
    before, after = places * (x2 - x1, y2 - y1) + (x1, y1), places * (width, height)
    near_edge = min(abs(before[:, 0] - 40).min(), abs(before[:, 1] - 30).min()) < 1e-6
    if not near_edge:
        assert millimetres(seen, after) == pytest.approx(millimetres(image, before))
    np.testing.assert_array_equal(image.crop((x1, y1, x2, y2)).pixels, PIXELS[y1:y2, x1:x2])


def millimetres(image: UltrasoundImage, ends: np.ndarray) -> float:
    spacing = image.spacing_at(ends)
    return float(np.hypot(*((ends[1] - ends[0]) * (spacing.dx, spacing.dy)))) if spacing else -1.0
