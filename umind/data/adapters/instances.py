"""Instances: which pixels of a set's masks are one thing."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Bool

CRUMB = 0.05
SPECK = 0.001
SAME = 0.5


def merge_overlapping(masks: Sequence[Bool[np.ndarray, "h w"]]) -> list[Bool[np.ndarray, "h w"]]:
    """Join masks that share more than half of the smaller one; empty ones fall away.

    Such a pair is one thing outlined twice. A few shared pixels where two lesions touch join nothing.
    """
    merged: list[Bool[np.ndarray, "h w"]] = []
    for mask in sorted((mask for mask in masks if mask.any()), key=np.count_nonzero):
        grown, kept = mask, []
        for other in merged:
            shared = np.count_nonzero(grown & other)
            if shared > SAME * min(np.count_nonzero(grown), np.count_nonzero(other)):
                grown = grown | other
            else:
                kept.append(other)
        merged = [*kept, grown]
    return merged


def components(mask: Bool[np.ndarray, "h w"]) -> list[Bool[np.ndarray, "h w"]]:
    """Connected components (8 neighbours), the largest first; their union is the mask.

    A piece below 5 % of the largest is a crumb of drawing or resampling and stays with the largest. The limit is relative
    because a second lesion may be much smaller than the first: in MMOTU second parts begin at 10 % of the largest, in USGRA
    at 5 %, where crumbs end at 3 %.
    """
    if not mask.any():
        return []
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA]
    order = np.argsort(-areas, kind="stable")
    sizeable = [int(index) + 1 for index in order if areas[index] >= CRUMB * areas.max()]
    parts: list[Bool[np.ndarray, "h w"]] = [labels == index for index in sizeable]
    parts[0] = mask & ~np.isin(labels, sizeable[1:])
    return parts


def drop_specks(mask: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """The mask without pieces below 0.1 % of the frame, save the largest: lettering that was taken for foreground.

    Measured on TG3K: letters end at 0.07 % of the frame, true second pieces of a gland begin at 0.1 %.
    """
    if not mask.any():
        return mask
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA]
    large = (areas >= SPECK * mask.size) | (areas == areas.max())
    kept: Bool[np.ndarray, "h w"] = np.isin(labels, np.flatnonzero(large) + 1)
    return kept
