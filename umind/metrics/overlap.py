"""How well two masks cover each other, case by case, and the running mean over a data set.

The rule for empty masks, in one place: **both empty** is a true negative: the score is NaN, left out of means and counted by
`MeanOverlap`. **One empty** is a miss or a false alarm: Dice, IoU and NSD are 0 and HD95 is the diagonal of the image.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import binary_erosion
from scipy.spatial import cKDTree
from torch import Tensor

from umind.geometry.spacing import Spacing
from umind.metrics.cases import RunningCases, Scores, as_scores


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
    if not (predicted.any() and truth.any()):
        return float(np.linalg.norm(np.array(truth.shape) * _scale(spacing)))
    there, back = _outline_gaps(predicted, truth, spacing)
    return float(max(np.percentile(there, 95), np.percentile(back, 95)))


def nsd(
    predicted: Bool[np.ndarray, "h w"], truth: Bool[np.ndarray, "h w"], tolerance: float, spacing: Spacing | None = None
) -> float:
    """Normalised surface distance: share of both outlines that lies within a tolerance of the other one.

    Nikolov et al. 2021 (J Med Internet Res, "surface Dice"). Outlines are those of `hd95`, and their pixels are counted, as in
    MONAI's default; the authors' own code weighs each piece of outline by its length.

    Args:
        predicted: Mask, ``(h, w)``.
        truth: Mask, ``(h, w)``.
        tolerance: Farthest a pixel may be off, in millimetres, or in pixels without spacing.
        spacing: Millimetres per pixel; None for pixels.

    Returns:
        In 0..1; NaN when both are empty, 0 when one is.

    Raises:
        ValueError: The masks differ in shape, or the tolerance is negative.
    """
    if tolerance < 0:
        raise ValueError(f"a tolerance is not negative, got {tolerance}")
    _, either, _ = _counts(predicted, truth)
    if not either:
        return math.nan
    if not (predicted.any() and truth.any()):
        return 0.0
    return float((np.concatenate(_outline_gaps(predicted, truth, spacing)) <= tolerance).mean())


def empty_specificity(found: Bool[np.ndarray, "n"], present: Bool[np.ndarray, "n"]) -> float:
    """Share of the images without a structure on which none was drawn; NaN when every image has one.

    Args:
        found: The predicted mask has a pixel, ``(N,)``.
        present: The true mask has one, ``(N,)``.

    Raises:
        ValueError: Shapes differ.
    """
    if found.shape != present.shape:
        raise ValueError(f"{found.shape} predictions for {present.shape} images")
    absent = ~present
    return float((~found[absent]).mean()) if absent.any() else math.nan


class MeanOverlap(RunningCases):
    """Running overlap over cases, for validation loops; each case counts once, whatever its size.

    ``compute`` returns ``dice``, ``dice_sd``, ``iou``, ``hd95``, ``nsd`` (means over the scored cases; SD with n - 1; NaN
    without enough cases), ``empty_specificity``, and the counts ``num_scored``, ``num_true_negative`` (both empty),
    ``num_missed`` (predicted empty) and ``num_false_alarm`` (truth empty); the last two are among the scored.

    Args:
        tolerance: Of the NSD, in millimetres for cases with spacing, in pixels for the others, as HD95 is.
    """

    higher_is_better = True
    cases: list[Tensor]

    def __init__(self, tolerance: float = 2.0) -> None:
        super().__init__(cases=6)
        self.tolerance = tolerance

    def update(
        self, predicted: Bool[np.ndarray, "h w"] | None, truth: Bool[np.ndarray, "h w"], spacing: Spacing | None = None
    ) -> None:
        """Add one case, in source pixels; None is an empty mask."""
        drawn = np.zeros_like(truth) if predicted is None else predicted
        distances = hd95(drawn, truth, spacing), nsd(drawn, truth, self.tolerance, spacing)
        self.keep("cases", [[dice(drawn, truth), iou(drawn, truth), *distances, float(drawn.any()), float(truth.any())]])

    def compute(self) -> Scores:
        """Means and counts so far."""
        rows = self.kept("cases")
        found, present = rows[:, 4] > 0, rows[:, 5] > 0
        scored = rows[found | present]
        means = scored[:, :4].mean(0) if len(scored) else np.full(4, math.nan)
        return as_scores(
            dict(zip(("dice", "iou", "hd95", "nsd"), means, strict=True))
            | {
                "dice_sd": scored[:, 0].std(ddof=1) if len(scored) > 1 else math.nan,
                "empty_specificity": empty_specificity(found, present),
                "num_scored": len(scored),
                "num_true_negative": len(rows) - len(scored),
                "num_missed": (present & ~found).sum(),
                "num_false_alarm": (found & ~present).sum(),
            }
        )


def _counts(predicted: Bool[np.ndarray, "h w"], truth: Bool[np.ndarray, "h w"]) -> tuple[int, int, int]:
    """Pixels in both, in either, and the two areas' sum."""
    if predicted.shape != truth.shape:
        raise ValueError(f"masks of different size: {predicted.shape} and {truth.shape}")
    predicted, truth = predicted.astype(bool), truth.astype(bool)
    both, total = int(np.count_nonzero(predicted & truth)), int(np.count_nonzero(predicted) + np.count_nonzero(truth))
    return both, total - both, total


def _scale(spacing: Spacing | None) -> Float[np.ndarray, "2"]:
    """Height and width of a pixel."""
    return np.array([spacing.dy, spacing.dx] if spacing else [1.0, 1.0])


def _outline_gaps(
    predicted: Bool[np.ndarray, "h w"], truth: Bool[np.ndarray, "h w"], spacing: Spacing | None
) -> tuple[Float[np.ndarray, "p"], Float[np.ndarray, "t"]]:
    """From each pixel of an outline to the nearest of the other: predicted to true, and back; neither mask is empty."""
    first, second = (np.argwhere(mask & ~binary_erosion(mask)) * _scale(spacing) for mask in (predicted, truth))
    return cKDTree(second).query(first)[0], cKDTree(first).query(second)[0]
