"""Drawn rulers are measured within 1 %, and pictures without one are refused."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from umind.data.phantom.scene import SCENES, Stage
from umind.geometry.beams import Beams
from umind.geometry.probe import LinearProbe, Probe, SectorProbe
from umind.geometry.spacing import Spacing
from umind.io.ruler import Ruler, calibrated_by_ruler, find_ruler, read_ruler
from umind.schema.image import UltrasoundImage

WORDS = ("B", "Gen", "MI 1.1", "TIs 0.3", "12 Hz", "FR 31", "DR: 60", "G 48", "L12-5", "C5-1", "- 3 -", "P 90%")


def screen(seed: int, *, ruler: bool = True) -> tuple[np.ndarray, float]:
    """A scan with text on one side and a ruler on the other, and the ruler's step in pixels."""
    rng = np.random.default_rng(seed)
    height, width = int(rng.integers(300, 700)), int(rng.integers(400, 900))
    middle = width / 2
    probe: Probe = SectorProbe(middle, -0.1 * height, 0.25 * height, 0.8 * height, 0.4)
    if seed % 2:
        probe = LinearProbe(0.25 * width, 0.75 * width, 0.1 * height, 0.75 * height)
    inside = Beams.of(probe, (height, width)).inside()
    pixels = np.where(inside, np.clip(rng.rayleigh(50, (height, width)), 0, 255), rng.integers(0, 5, (height, width)))
    pixels = pixels.astype(np.uint8)
    right = bool(rng.random() < 0.5)
    for number, word in enumerate(rng.choice(WORDS, 9)):
        place = (4 if right else width - 60, 30 + 15 * number)
        cv2.putText(pixels, str(word), place, cv2.FONT_HERSHEY_SIMPLEX, 0.38, 220, 1, cv2.LINE_AA)
    number = int(rng.integers(6, 18))
    step = 0.8 * height / number * float(rng.uniform(0.9, 1.1))
    if ruler:
        draw_ruler(pixels, rng, step, number, width - int(rng.integers(8, 25)) if right else int(rng.integers(8, 25)))
    return pixels, step


def draw_ruler(pixels: np.ndarray, rng: np.random.Generator, step: float, number: int, column: int) -> None:
    """Ticks of random size, every fifth one longer, the first at a random row."""
    grey, tall, wide = int(rng.integers(120, 256)), int(rng.integers(1, 4)), int(rng.integers(2, 8))
    start = float(rng.uniform(0.02, 0.08)) * len(pixels)
    for tick in range(number):
        row, length = round(start + tick * step), wide * (2 if tick % 5 == 0 else 1)
        pixels[row : row + tall, column - length // 2 : column - length // 2 + length] = grey


@pytest.mark.parametrize("seed", range(40))
def test_steps_of_drawn_rulers(seed: int) -> None:
    pixels, step = screen(seed)
    ruler = find_ruler(pixels)
    assert ruler is not None
    assert ruler.step == pytest.approx(step, rel=0.01)
    assert 0.6 <= ruler.confidence <= 1


def test_text_and_speckle_are_no_ruler() -> None:
    assert [seed for seed in range(30) if find_ruler(screen(seed, ruler=False)[0])] == []


def test_phantoms_are_read_right_or_not_at_all() -> None:
    read = 0
    for scene in SCENES:
        for seed in range(12):
            stage = Stage(np.random.default_rng(seed), 320, scene)
            ruler = find_ruler(stage.expose())
            if ruler:
                read += 1
                assert ruler.step * stage.pixel == pytest.approx(5, rel=0.01)  # a tick each 5 mm
    assert read >= 8


def test_spacing_is_centimetres_over_pixels() -> None:
    pixels, step = screen(3)
    image = UltrasoundImage(pixels)
    reading = read_ruler(image, cm_per_tick=0.5)
    assert reading is not None
    spacing, confidence = reading
    assert spacing.dy == spacing.dx == pytest.approx(5 / step, rel=0.01)
    calibrated = calibrated_by_ruler(image, cm_per_tick=0.5)
    assert (calibrated.spacing, calibrated.calibration) == (spacing, "ruler")
    assert f"confidence {confidence:.2f}" in calibrated.notes[-1]
    assert calibrated.pixels is image.pixels
    with pytest.raises(ValueError, match="positive"):
        Ruler(20.0, (), 0.0, 1.0).spacing(cm_per_tick=0.0)


def test_without_a_ruler_the_picture_stays_as_it_is() -> None:
    image = UltrasoundImage(screen(2, ruler=False)[0], spacing=Spacing(0.1, 0.1))
    assert read_ruler(image) is None
    assert calibrated_by_ruler(image) is image


def test_short_uneven_and_contradicting_rulers_are_refused() -> None:
    blank = np.zeros((400, 400), np.uint8)
    blank[60:340, 100:300] = np.random.default_rng(0).integers(40, 200, (280, 200))
    short, uneven, two = blank.copy(), blank.copy(), blank.copy()
    for tick in range(4):
        short[50 + 30 * tick, 380:386] = 255
    for tick in range(12):
        uneven[40 + 2 * tick**2, 380:386] = 255
        two[40 + 25 * tick, 380:386] = two[40 + round(17.3 * tick), 10:16] = 255
    assert [find_ruler(pixels) for pixels in (blank, short, uneven, two)] == [None] * 4
    one = two.copy()
    one[:, :20] = 0
    found = find_ruler(one)
    assert found is not None
    assert found.step == pytest.approx(25)
    assert len(found.rows) == 12
    assert found.column == pytest.approx(383)
    assert found.rows[0] == pytest.approx(40.5)
