"""Masks: from model logits to source pixels, and their areas."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Bool, Float

from umind.geometry.frame import FrameMap
from umind.geometry.spacing import Spacing


def resize_logits(logits: Float[np.ndarray, "n h w"], frame: FrameMap) -> Float[np.ndarray, "n height width"]:
    """Bilinear resampling of maps on the model's grid to the pixels of the source image.

    Cell centres map to cell centres; what the letterbox added falls away.
    """
    height, width = frame.source_height, frame.source_width
    if not len(logits):
        return np.zeros((0, height, width), np.float32)
    cell = frame.size / logits.shape[-1]
    to_grid = np.array(
        [
            [frame.scale / cell, 0, (0.5 * frame.scale + frame.offset_x) / cell - 0.5],
            [0, frame.scale / cell, (0.5 * frame.scale + frame.offset_y) / cell - 0.5],
        ]
    )
    warp = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    maps = [
        cv2.warpAffine(plane.astype(np.float32), to_grid, (width, height), flags=warp, borderMode=cv2.BORDER_REPLICATE)
        for plane in logits
    ]
    return np.stack(maps)


def area_of_mask(mask: Bool[np.ndarray, "h w"], spacing: Spacing | None = None) -> float:
    """Area in square millimetres, or in pixels when there is no spacing."""
    pixels = float(np.count_nonzero(mask))
    return pixels * spacing.dy * spacing.dx if spacing else pixels
