"""Strokes are told from areas, and painted over."""

import numpy as np

from umind.geometry.overlay import find_colour, find_overlay, find_strokes, paint_over


def test_strokes_are_thin_and_colour_is_any_area() -> None:
    pixels = np.full((200, 200, 3), 40, np.uint8)
    pixels[20:22, 20:60] = 255
    pixels[100:160, 100:160] = 255
    pixels[20:60, 120:180] = (250, 40, 40)
    strokes, colour = find_strokes(pixels, 215), find_colour(pixels)
    assert strokes[20:22, 20:60].all()
    assert not strokes[103:157, 103:157].any()
    assert colour[20:60, 120:180].all()
    assert colour.sum() == 40 * 60
    np.testing.assert_array_equal(find_overlay(pixels, 215), strokes | colour)


def test_painting_takes_what_is_around_and_leaves_the_rest() -> None:
    pixels = np.full((60, 60), 40, np.uint8)
    pixels[30:32, 10:50] = 255
    painted = paint_over(pixels, pixels == 255)
    np.testing.assert_allclose(painted, 40, atol=2)
    np.testing.assert_array_equal(paint_over(pixels, np.zeros((60, 60), bool)), pixels)
