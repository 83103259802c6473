"""The field of view is found beside pages of text, in fans, boxes and regions."""

import cv2
import numpy as np
import pytest
from planted_scans import inside, planted_frames

from umind.deid.field import field_of_view
from umind.geometry.beams import Beams
from umind.geometry.probe import LinearProbe, Probe, SectorProbe
from umind.geometry.region import UltrasoundRegion

LINE = "DOE JANE 4711 GENERAL HOSPITAL 12:30"


def scan(probe: Probe, seed: int, shape: tuple[int, int] = (480, 640)) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pixels with text over all that is not the field of view, the field of view, and the text."""
    rng = np.random.default_rng(seed)
    field = Beams.of(probe, shape).inside()
    echoes = np.clip(cv2.GaussianBlur(rng.rayleigh(60, shape).astype(np.float32), (0, 0), 1.5), 12, 255)
    text = np.zeros(shape, np.uint8)
    for row in range(14, shape[0], 14):
        cv2.putText(text, LINE, (4, row), cv2.FONT_HERSHEY_SIMPLEX, 0.42, 255, 1, cv2.LINE_AA)
        cv2.putText(text, LINE, (shape[1] - 260, row), cv2.FONT_HERSHEY_SIMPLEX, 0.42, 255, 1, cv2.LINE_AA)
    text[cv2.dilate(field.astype(np.uint8), np.ones((13, 13), np.uint8)) > 0] = 0
    return np.where(field, echoes, text).astype(np.uint8), field, text > 0


@pytest.mark.parametrize("seed", range(12))
def test_text_all_round_is_not_field(seed: int) -> None:
    rng = np.random.default_rng(seed)
    probe: Probe = SectorProbe(*rng.uniform((290.0, -60.0, 60.0, 330.0, 0.4), (350.0, 10.0, 90.0, 380.0, 0.65)).tolist())
    if seed % 3 == 0:
        probe = LinearProbe(*rng.uniform((80.0, 480.0, 20.0, 300.0), (160.0, 560.0, 60.0, 400.0)).tolist())
    pixels, field, text = scan(probe, seed)
    found = field_of_view(pixels)
    assert not (found & text).any()
    assert (found & field).sum() > 0.97 * field.sum()


def test_panels_of_one_colour_are_not_field() -> None:
    pixels, field, _ = scan(SectorProbe(320.0, -20.0, 60.0, 380.0, 0.5), 3)
    pixels[440:480] = 90
    pixels[450:460, 40:600:9] = 250
    found = field_of_view(pixels)
    assert not found[442:].any() or not (found & ~field)[442:].any()


def test_two_views_side_by_side_are_kept() -> None:
    left, one, _ = scan(LinearProbe(20.0, 300.0, 60.0, 300.0), 1)
    right, two, _ = scan(LinearProbe(340.0, 620.0, 60.0, 300.0), 2)
    found = field_of_view(np.where(one, left, 0).astype(np.uint8) + np.where(two, right, 0).astype(np.uint8))
    assert (found & (one | two)).sum() > 0.97 * (one | two).sum()
    assert not found[:, 308:332].any()


def test_regions_bound_the_search_and_strips_stay() -> None:
    pixels = np.zeros((300, 640), np.uint8)
    pixels[:, :400] = planted_frames()[0]
    pixels[:, 420:] = 100 + np.random.default_rng(0).integers(0, 90, (300, 220))
    regions = (
        UltrasoundRegion((0.0, 0.0, 400.0, 300.0), kind="2D"),
        UltrasoundRegion((450.0, 100.0, 600.0, 200.0), kind="spectral"),
        UltrasoundRegion((600.0, 100.0, 640.0, 200.0), kind="graphics"),
    )
    found = field_of_view(pixels, regions)
    assert found[100:200, 450:600].all()
    assert not found[:, 600:].any()
    assert not found[:100, 400:].any()
    assert (found[:, :400] & inside()).sum() > 0.97 * inside().sum()


def test_black_and_text_only_pictures_have_no_field() -> None:
    assert not field_of_view(np.zeros((200, 300), np.uint8)).any()
    page = np.zeros((480, 640), np.uint8)
    for row in range(14, 480, 14):
        cv2.putText(page, LINE * 3, (4, row), cv2.FONT_HERSHEY_SIMPLEX, 0.42, 255, 1, cv2.LINE_AA)
    assert not field_of_view(page).any()
