"""How well two masks cover each other, case by case, and the running mean over a data set.

The rule for empty masks, in one place: **both empty** is a true negative: the score is NaN, left out of means and counted by
`MeanOverlap`. **One empty** is a miss or a false alarm: Dice and IoU are 0 and HD95 is the diagonal of the image.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Bool
from scipy.ndimage import binary_erosion
from scipy.spatial import cKDTree
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from umind.geometry.spacing import Spacing


def dice(predicted: Bool[np.ndarray, "h w"], truth: Bool[np.ndarray, "h w"]) -> float:
    """Dice (1945) coefficient, ``2 |A & B| / (|A| + |B|)``, in 0..1; NaN when both are empty.

    Raises:
        ValueError: The masks differ in shape.
    """
    both, _, total = _counts(predicted, truth)
    return 2 * both / total if total else math.nan


def iou(predicted: Bool[np.ndarray, "h w"], truth: Bool[np.ndarray, "h w"]) -> float:
    """Jaccard index, ``|A & B| / |A | B|``, in 0..1; NaN when both are empty.

    Raises:
        ValueError: The masks differ in shape.
    """
    both, either, _ = _counts(predicted, truth)
    return both / either if either else math.nan


def hd95(predicted: Bool[np.ndarray, "h w"], truth: Bool[np.ndarray, "h w"], spacing: Spacing | None = None) -> float:
    """The larger of the two directed 95th percentiles of the distance between two outlines.

    An outline is the mask's pixels with a 4-neighbour outside (beyond the image is outside), taken at their centres. The
    percentile is linearly interpolated; the two directions are not pooled (Maier-Hein et al. 2024, "Metrics reloaded").

    Args:
        predicted: Mask, ``(h, w)``.
        truth: Mask, ``(h, w)``.
        spacing: Millimetres per pixel; None gives pixels.

    Returns:
        Distance in millimetres or pixels; NaN when both are empty, the image's diagonal when one is.

    Raises:
        ValueError: The masks differ in shape.
    """
    _, either, _ = _counts(predicted, truth)
    if not either:
        return math.nan
    scale = np.array([spacing.dy, spacing.dx] if spacing else [1.0, 1.0])
    if not (predicted.any() and truth.any()):
        return float(np.linalg.norm(np.array(truth.shape) * scale))
    first, second = (np.argwhere(mask & ~binary_erosion(mask)) * scale for mask in (predicted, truth))
    there, back = cKDTree(second).query(first)[0], cKDTree(first).query(second)[0]
    return float(max(np.percentile(there, 95), np.percentile(back, 95)))


class MeanOverlap(Metric):
    """Running overlap over cases, for validation loops; each case counts once, whatever its size.

    ``compute`` returns ``dice``, ``dice_sd``, ``iou``, ``hd95`` (means over the scored cases; SD with n - 1; NaN without
    enough cases) and the counts ``num_scored``, ``num_true_negative`` (both empty), ``num_missed`` (predicted empty) and
    ``num_false_alarm`` (truth empty); the last two are among the scored.
    """

    higher_is_better = True
    full_state_update = False
    cases: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        self.add_state("cases", default=[], dist_reduce_fx="cat")

    def update(
        self, predicted: Bool[np.ndarray, "h w"], truth: Bool[np.ndarray, "h w"], spacing: Spacing | None = None
    ) -> None:
        """Add one case, in source pixels."""
        scores = [dice(predicted, truth), iou(predicted, truth), hd95(predicted, truth, spacing)]
        row = [*scores, float(predicted.any()), float(truth.any())]
        self.cases.append(torch.tensor([row], dtype=torch.float32, device=self.device))

    def compute(self) -> dict[str, Tensor]:
        """Means and counts so far."""
        rows = dim_zero_cat(self.cases) if len(self.cases) else torch.zeros(0, 5)  # (N, 5)
        found, present = rows[:, 3] > 0, rows[:, 4] > 0
        scored = found | present
        dices, ious, distances = rows[scored, :3].unbind(1)
        return {
            "dice": dices.mean(),
            "dice_sd": dices.std() if len(dices) > 1 else torch.tensor(math.nan),
            "iou": ious.mean(),
            "hd95": distances.mean(),
            "num_scored": scored.sum(),
            "num_true_negative": (~scored).sum(),
            "num_missed": (present & ~found).sum(),
            "num_false_alarm": (found & ~present).sum(),
        }


def _counts(predicted: Bool[np.ndarray, "h w"], truth: Bool[np.ndarray, "h w"]) -> tuple[int, int, int]:
    """Pixels in both, in either, and the two areas' sum."""
    if predicted.shape != truth.shape:
        raise ValueError(f"masks of different size: {predicted.shape} and {truth.shape}")
    predicted, truth = predicted.astype(bool), truth.astype(bool)
    both, total = int(np.count_nonzero(predicted & truth)), int(np.count_nonzero(predicted) + np.count_nonzero(truth))
    return both, total - both, total
