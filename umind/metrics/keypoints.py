"""Landmarks: how far off, and how often near enough."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from umind.geometry.spacing import Spacing
from umind.metrics.cases import RunningCases, Scores, as_scores
from umind.metrics.detection import COCO_THRESHOLDS, AveragePrecision
from umind.schema.result import Keypoints

MAX_RATIO = 0.75
"""Width over length from which a shape is too round for its axes to be told."""


@dataclass(frozen=True)
class KeypointScores:
    """Errors over many points.

    Args:
        mean: Mean radial error (MRE) of the points found, in millimetres or pixels as the errors were; NaN without any.
        sd: Its standard deviation, n - 1.
        radii: The radii of ``detection_rates``, in the same unit.
        detection_rates: Successful detection rate (SDR) at each radius: share of *all* points at most that far off.
        num_points: All points asked for.
        num_missed: Points not found; they are failures at every radius, and out of the mean.
    """

    mean: float
    sd: float
    radii: tuple[float, ...]
    detection_rates: tuple[float, ...]
    num_points: int
    num_missed: int


def radial_errors(
    predicted: Float[np.ndarray, "p 2"],
    truth: Float[np.ndarray, "k 2"],
    spacing: Spacing | None = None,
    pairs: Sequence[tuple[int, int]] = (),
) -> Float[np.ndarray, "k"]:
    """Distance of each point from its truth.

    Args:
        predicted: xy in source pixels, ``(K, 2)``; ``(0, 2)`` when the structure was not found: all errors are infinite.
        truth: xy in source pixels, ``(K, 2)``.
        spacing: Millimetres per pixel; None gives pixels.
        pairs: Indices of points that only their order tells apart (the two ends of a caliper). A pair is compared both ways
            round and the assignment with the smaller sum of distances stands.

    Returns:
        Millimetres or pixels, ``(K,)``; divided by a size (a diagonal, a true length) they are what NME is the mean of.

    Raises:
        ValueError: There are predicted points, but not K of them.
    """
    if not len(predicted):
        return np.full(len(truth), np.inf)
    if len(predicted) != len(truth):
        raise ValueError(f"{len(predicted)} predicted points for {len(truth)}")
    scale = np.array([spacing.dx, spacing.dy] if spacing else [1.0, 1.0])
    gaps = np.linalg.norm((predicted[:, None] - truth[None]) * scale, axis=-1)  # (K, K)
    errors: Float[np.ndarray, "k"] = gaps.diagonal().copy()
    for i, j in pairs:
        if gaps[i, j] + gaps[j, i] < gaps[i, i] + gaps[j, j]:
            errors[i], errors[j] = gaps[j, i], gaps[i, j]  # each error stays with its true point
    return errors


def keypoint_scores(errors: Float[np.ndarray, "n"], radii: Sequence[float]) -> KeypointScores:
    """MRE and SDR (Wang et al. 2016, ISBI cephalometric challenge) of radial errors; infinite errors are points missed.

    Args:
        errors: From `radial_errors`, of any number of images one after the other, ``(N,)``.
        radii: Radii for the detection rate, in the errors' unit.

    Raises:
        ValueError: An error is NaN.
    """
    if np.isnan(errors).any():
        raise ValueError("an error is NaN; a missed point is infinite")
    found = errors[np.isfinite(errors)]
    rates = tuple(float((errors <= radius).mean()) if len(errors) else math.nan for radius in radii)
    mean = float(found.mean()) if len(found) else math.nan
    sd = float(found.std(ddof=1)) if len(found) > 1 else math.nan
    return KeypointScores(mean, sd, tuple(float(r) for r in radii), rates, len(errors), len(errors) - len(found))


def has_clear_axes(ends: Float[np.ndarray, "4 2"], spacing: Spacing | None = None) -> bool:
    """True when a structure is so much longer than wide that its axes can be told, width at most 0.75 of the length.

    Args:
        ends: xy of the long axis' ends, then the short one's, in source pixels, ``(4, 2)``.
        spacing: Millimetres per pixel; None when pixels are square.
    """
    scale = np.array([spacing.dx, spacing.dy] if spacing else [1.0, 1.0])
    length, width = np.linalg.norm((ends[1::2] - ends[::2]) * scale, axis=1).tolist()
    return bool(width <= MAX_RATIO * length)


def keypoint_similarity(errors: Float[np.ndarray, "k"], area: float, sigma: float) -> float:
    """Object keypoint similarity (OKS, COCO 2016): mean of ``exp(-d^2 / (2 area (2 sigma)^2))`` over the points.

    Args:
        errors: From `radial_errors`, ``(K,)``; an infinite one adds 0.
        area: Of the structure, in the square of the errors' unit.
        sigma: Spread of annotators as a share of the square root of the area, one for all points: nobody has measured it for
            ultrasound. With 0.05, an error of a tenth of that root gives 0.61.

    Raises:
        ValueError: No errors, or area or sigma are not positive.
    """
    if not len(errors) or area <= 0 or sigma <= 0:
        raise ValueError(f"similarity wants points, an area and a sigma above 0, got {len(errors)}, {area} and {sigma}")
    return float(np.exp(-(errors**2) / (2 * area * (2 * sigma) ** 2)).mean())


def keypoint_average_precision(
    similarities: Float[np.ndarray, "n"], scores: Float[np.ndarray, "n"], num_truths: int
) -> AveragePrecision:
    """COCO's keypoint AP where an image holds at most one structure and one answer: OKS 0.50 to 0.95, 101 recall points.

    Args:
        similarities: OKS of each answer, ``(N,)``; 0 for an answer where there is nothing. What was missed has no row.
        scores: Confidence of each answer, ``(N,)``.
        num_truths: Structures there are, found or not.

    Raises:
        ValueError: Shapes differ.
    """
    if similarities.shape != scores.shape:
        raise ValueError(f"{similarities.shape} similarities for {scores.shape} scores")
    thresholds, grid = np.array(COCO_THRESHOLDS), np.linspace(0, 1, 101)
    if not num_truths:
        return AveragePrecision(math.nan, (math.nan,) * len(thresholds), COCO_THRESHOLDS, math.nan, 0)
    ranked = similarities[np.argsort(-scores, kind="stable")]
    hits = np.cumsum(ranked[None] >= thresholds[:, None], axis=1)  # (T, N)
    recalls, precisions = hits / num_truths, hits / np.arange(1, len(ranked) + 1)
    best = np.maximum.accumulate(precisions[:, ::-1], axis=1)[:, ::-1]
    padded = np.pad(best, ((0, 0), (0, 1)))  # a recall that is never reached has a precision of 0
    at = np.array([row[np.searchsorted(recall, grid)].mean() for row, recall in zip(padded, recalls, strict=True)])
    reached = float(recalls[:, -1].mean()) if len(ranked) else 0.0
    return AveragePrecision(float(at.mean()), tuple(at.tolist()), COCO_THRESHOLDS, reached, num_truths)


class RunningKeypoints(RunningCases):
    """Landmarks over images as they come, at most one structure of the phrase in each.

    ``compute`` returns ``mre_px``, ``mre_mm`` (over images with spacing), ``nme``, ``sdr_<radius>`` for each radius,
    ``oks_ap``, ``num_points`` and ``num_missed``.

    Args:
        radii: Of the SDR.
        unit: Of the radii: pixels, millimetres (over images with spacing only) or percent of an image's ``size``.
        sigma: Of the OKS; see `keypoint_similarity`.
        pairs: Points that only their order tells apart.
    """

    higher_is_better = False

    def __init__(
        self,
        radii: Sequence[float],
        *,
        unit: Literal["px", "mm", "%"] = "px",
        sigma: float = 0.05,
        pairs: Sequence[tuple[int, int]] = (),
    ) -> None:
        super().__init__(errors=3, answers=2, truths=1)
        self.radii, self.column, self.sigma, self.pairs = tuple(radii), ("px", "mm", "%").index(unit), sigma, tuple(pairs)

    def update(
        self,
        prediction: Keypoints | None,
        truth: Float[np.ndarray, "k 2"],
        *,
        size: float,
        area: float,
        spacing: Spacing | None = None,
    ) -> None:
        """Add one image.

        Args:
            prediction: None when the structure was not found.
            truth: xy in source pixels; NaN where a point is not marked; ``(0, 2)`` where the structure is absent.
            size: What errors are normalised by, in pixels: the image's diagonal, or a true length.
            area: Of the true structure in square pixels; not looked at where it is absent.
            spacing: Millimetres per pixel.
        """
        marked: Bool[np.ndarray, "k"] = ~np.isnan(truth).any(1)
        points = np.zeros((0, 2)) if prediction is None else prediction.points
        similarity = 0.0
        if marked.any():
            pixels = radial_errors(points, truth, pairs=self.pairs)[marked]
            lengths = radial_errors(points, truth, spacing, self.pairs)[marked] if spacing else np.full(len(pixels), np.nan)
            self.keep("errors", np.column_stack([pixels, lengths, pixels / size]))
            self.keep("truths", [[1.0]])
            similarity = keypoint_similarity(pixels, area, self.sigma)
        if prediction is not None and len(points) and (marked.any() or not len(truth)):
            self.keep("answers", [[similarity, prediction.presence]])

    def compute(self) -> Scores:
        """Scores so far."""
        errors, answers = self.kept("errors"), self.kept("answers")
        calibrated = errors[~np.isnan(errors[:, 1])]
        told = (calibrated if self.column == 1 else errors)[:, self.column] * (100 if self.column == 2 else 1)
        pixels, rates = keypoint_scores(errors[:, 0], ()), keypoint_scores(told, self.radii).detection_rates
        return as_scores(
            {
                "mre_px": pixels.mean,
                "mre_mm": keypoint_scores(calibrated[:, 1], ()).mean,
                "nme": keypoint_scores(errors[:, 2], ()).mean,
                "oks_ap": keypoint_average_precision(answers[:, 0], answers[:, 1], len(self.kept("truths"))).mean,
                "num_points": pixels.num_points,
                "num_missed": pixels.num_missed,
            }
            | {f"sdr_{radius:g}": rate for radius, rate in zip(self.radii, rates, strict=True)}
        )
