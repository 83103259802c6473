"""Boxes, xyxy on pixel edges: a mask of columns 3..7 has ``x1 = 3`` and ``x2 = 8``."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float


def box_of_mask(mask: Bool[np.ndarray, "h w"]) -> Float[np.ndarray, "4"]:
    """Tight xyxy box of a mask; all zeros when the mask is empty."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return np.zeros(4, np.float32)
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float32)


def boxes_of_masks(masks: Bool[np.ndarray, "n h w"]) -> Float[np.ndarray, "n 4"]:
    """Tight xyxy boxes of a stack of masks."""
    return np.stack([box_of_mask(mask) for mask in masks]) if len(masks) else np.zeros((0, 4), np.float32)


def clip_boxes_xyxy(boxes: Float[np.ndarray, "n 4"], height: int, width: int) -> Float[np.ndarray, "n 4"]:
    """Boxes cut to an image of the given size."""
    limits = np.array([width, height, width, height], np.float32)
    clipped: Float[np.ndarray, "n 4"] = np.clip(boxes, 0, limits).astype(np.float32)
    return clipped


def box_iou_xyxy(first: Float[np.ndarray, "n 4"], second: Float[np.ndarray, "m 4"]) -> Float[np.ndarray, "n m"]:
    """Intersection over union of every pair; 0 where both boxes are empty."""
    top_left = np.maximum(first[:, None, :2], second[None, :, :2])
    bottom_right = np.minimum(first[:, None, 2:], second[None, :, 2:])
    overlap = np.prod(np.clip(bottom_right - top_left, 0, None), -1)
    areas = [np.prod(np.clip(b[:, 2:] - b[:, :2], 0, None), -1) for b in (first, second)]
    union = areas[0][:, None] + areas[1][None] - overlap
    iou: Float[np.ndarray, "n m"] = np.divide(overlap, union, out=np.zeros_like(overlap), where=union > 0)
    return iou
