"""An image in the model's square frame."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from umind.geometry.frame import FrameMap


def letterbox(pixels: UInt8[np.ndarray, "h w"], size: int) -> tuple[UInt8[np.ndarray, "size size"], FrameMap]:
    """Largest centred copy of a grey image inside a black square, and the map that says where each pixel went.

    Shrinking blurs first, with the standard deviation that band-limits to the new sampling (Lowe, IJCV 2004, section 3.3).
    """
    height, width = pixels.shape
    frame = FrameMap.letterbox(height, width, size)
    if frame.scale < 1:
        sigma = 0.5 * float(np.sqrt(frame.scale**-2 - 1))
        pixels = cv2.GaussianBlur(pixels, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    return cv2.warpAffine(pixels, frame.matrix, (size, size), flags=cv2.INTER_LINEAR), frame


def normalise(pixels: UInt8[np.ndarray, "*n h w"]) -> Float[np.ndarray, "*n h w"]:
    """Grey levels 0..255 to mean and deviation near those of B-mode images: ``(x / 255 - 0.25) / 0.25``."""
    return (pixels.astype(np.float32) / 255 - 0.25) / 0.25
