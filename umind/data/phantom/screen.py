"""What a scanner burns into the dark surround: text, a depth ruler, an orientation mark."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Bool, UInt8

WORDS = ("B", "Gen", "MI 1.1", "TIs 0.3", "12 Hz", "FR 31", "DR 60", "G 48", "L12-5", "C5-1", "Map 3", "P 90%", "SonoCT")


def burn_in(
    pixels: UInt8[np.ndarray, "h w"], inside: Bool[np.ndarray, "h w"], pixel: float, top: int, rng: np.random.Generator
) -> None:
    """Draw on the surround in place; nothing is written where there is an echo.

    Args:
        pixels: Image.
        inside: Field of view.
        pixel: Millimetres per pixel, for the ruler.
        top: Row of the probe's face.
        rng: Source of randomness.
    """
    height, width = pixels.shape
    scale = height / 256
    layer = np.zeros_like(pixels)
    grey = int(rng.integers(130, 240))
    if rng.random() < 0.7:
        column = width - int(rng.integers(3, 7) * scale) if rng.random() < 0.8 else int(3 * scale)
        for millimetre in range(0, int(height * pixel) + 1, 5):
            row = top + round(millimetre / pixel)
            length = round((4 if millimetre % 10 == 0 else 2) * scale)
            if row < height:
                cv2.line(layer, (column - length // 2, row), (column + length // 2, row), grey, 1)
    if rng.random() < 0.6:
        row = int(rng.integers(12, 24) * scale)
        left = int(4 * scale) if rng.random() < 0.6 else int(width * 0.78)
        for word in rng.choice(WORDS, int(rng.integers(1, 6)), replace=False):
            (length, tall), _ = cv2.getTextSize(str(word), cv2.FONT_HERSHEY_SIMPLEX, 0.28 * scale, 1)
            if not inside[max(row - tall, 0) : row + 2, left : left + length + 2].any() and left + length < width:
                cv2.putText(layer, str(word), (left, row), cv2.FONT_HERSHEY_SIMPLEX, 0.28 * scale, grey, 1, cv2.LINE_AA)
            row += int(10 * scale)
    if rng.random() < 0.6:
        centre = (int(width * rng.uniform(0.1, 0.3)), max(int(5 * scale), top))
        radius, filled = max(2, int(3 * scale)), rng.random() < 0.5
        box = inside[max(centre[1] - radius, 0) : centre[1] + radius + 2, centre[0] - radius : centre[0] + radius + 2]
        if not box.any():
            cv2.circle(layer, centre, radius, grey, -1 if filled else 1, cv2.LINE_AA)
    clear = cv2.dilate(inside.astype(np.uint8), np.ones((3, 3), np.uint8)) == 0
    np.copyto(pixels, layer, where=clear & (layer > 0))
