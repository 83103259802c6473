"""Small grey images that differ from each other as scans do: in their coarse structure."""

from __future__ import annotations

import cv2
import numpy as np


def scan(seed: int, shift: int = 0, side: int = 64) -> np.ndarray:
    """Blurred noise; another shift is the same scan, brighter."""
    noise = np.random.default_rng(seed).normal(size=(16, 16)).astype(np.float32)
    smooth = cv2.resize(noise, (side, side), interpolation=cv2.INTER_CUBIC)
    return np.clip(smooth * 30 + 128 + shift, 0, 255).astype(np.uint8)


def lesion(side: int = 64) -> np.ndarray:
    """A square mask."""
    mask = np.zeros((side, side), np.uint8)
    mask[20:40, 24:44] = 255
    return mask
