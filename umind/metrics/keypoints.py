"""Landmarks: how far off, and how often near enough."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from umind.geometry.spacing import Spacing


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
        Millimetres or pixels, ``(K,)``.

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
