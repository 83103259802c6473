"""What the decoders said about one question to one image, in NumPy, calibrated, for the verb to make a result of."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int

from umind.decoders.decoder import RegionOutput
from umind.decoders.keypoint.head import PointOutput, read_points
from umind.geometry.frame import FrameMap
from umind.schema.image import UltrasoundImage

SAME_INSTANCE = 0.5
"""Two candidates are one instance when their masks share more than this of the smaller one."""
RIVAL = 0.5
"""Only instances at least this sure, relative to the best one, can be the largest: a doubtful one must not take its place."""

SURELY, SLACK = 0.999, 1e-3
"""No phrase above this presence, or so near to the least logit, is left out for want of presence: floats are rounded."""


@dataclass(frozen=True)
class Calibration:
    """What was fitted on validation images; see `umind.model.UMindConfig` for each number."""

    presence_scale: float
    presence_shift: float
    presence_threshold: float
    score_threshold: float
    answer_temperature: float
    spread_scale: float

    def least_logit(self, threshold: float | None) -> float:
        """Logit of presence, before calibration, below which `Region.is_present` is false for sure.

        Args:
            threshold: Least presence; the calibrated one when None.
        """
        least = min(self.presence_threshold if threshold is None else threshold, SURELY)
        if least <= 0 or self.presence_scale <= 0:
            return -math.inf
        return (math.log(least / (1 - least)) - self.presence_shift) / self.presence_scale - SLACK


class PointsRead(NamedTuple):
    """K points of each of N instances, in units of the model frame's side.

    Args:
        positions: xy, ``(N, K, 2)``.
        covariances: ``(N, K, 2, 2)``.
        scores: Share of the heatmap near the point, ``(N, K)``.
    """

    positions: Float[np.ndarray, "n k 2"]
    covariances: Float[np.ndarray, "n k 2 2"]
    scores: Float[np.ndarray, "n k"]


NO_POINTS = PointsRead(np.zeros((0, 0, 2), np.float32), np.zeros((0, 0, 2, 2), np.float32), np.zeros((0, 0), np.float32))


@dataclass(frozen=True, eq=False)
class Region:
    """One region token: its phrase's presence, and its instances by falling score; perhaps none where it is surely absent.

    Args:
        presence: Calibrated probability.
        scores: ``(N,)``, in 0..1.
        masks: Logits at stride 2, ``(N, h, w)``.
        boxes: xyxy in units of the model frame's side, ``(N, 4)``.
        scales: ``LENGTHS`` over what the masks show of them, ``(N, 4)``.
        spreads: Their relative standard deviations, ``(N, 4)``.
        calibration: For the default thresholds.
        points: Of each instance the K points of the ``[KPT]`` tokens that follow.
    """

    presence: float
    scores: Float[np.ndarray, "n"]
    masks: Float[np.ndarray, "n h w"]
    boxes: Float[np.ndarray, "n 4"]
    scales: Float[np.ndarray, "n 4"]
    spreads: Float[np.ndarray, "n 4"]
    calibration: Calibration
    points: PointsRead

    def is_present(self, threshold: float | None) -> bool:
        """Whether presence reaches the threshold, the calibrated one when None."""
        return self.presence >= (self.calibration.presence_threshold if threshold is None else threshold)

    def found(self, threshold: float | None) -> Int[np.ndarray, "k"]:
        """Indices of the instances to report: none when absent, else those above the threshold, and always the best."""
        if not self.is_present(threshold):
            return np.zeros(0, np.intp)
        least = self.calibration.score_threshold if threshold is None else threshold
        keep = self.scores >= least
        keep[:1] = True
        return np.flatnonzero(keep)

    def largest(self, threshold: float | None) -> Int[np.ndarray, "k"]:
        """Index of the instance with the largest mask of those found, as one number or none; the unsure ones are no rivals."""
        found = self.found(threshold)
        rivals: Int[np.ndarray, "k"] = found[self.scores[found] >= RIVAL * self.scores[found].max(initial=0)]
        return rivals[np.argsort(-(self.masks[rivals] > 0).sum((1, 2)), kind="stable")][:1]


@dataclass(frozen=True, eq=False)
class BlockReadout:
    """What came of one block.

    Args:
        regions: One for each region token of the block's response, in order.
        likelihood: Log-likelihood of the response that was put to the model; 0 when it wrote its own.
        response: Text that it wrote, task tokens included; empty when the response was put to it.
    """

    regions: tuple[Region, ...]
    likelihood: float
    response: str


@dataclass(frozen=True, eq=False)
class Readout:
    """Everything about one question to one image, or to several, which have no regions.

    Args:
        image: The source; the first of several.
        frame: Map between source and model frame.
        blocks: What came of each block of the question.
        calibration: Thresholds and temperatures.
    """

    image: UltrasoundImage
    frame: FrameMap
    blocks: tuple[BlockReadout, ...]
    calibration: Calibration

    @property
    def region(self) -> Region:
        """The first block's first region."""
        return self.blocks[0].regions[0]

    def part(self, start: int, stop: int) -> Readout:
        """The readout of some of the blocks."""
        return replace(self, blocks=self.blocks[start:stop])


def read_regions(output: RegionOutput, points: PointOutput, calibration: Calibration) -> Iterator[Region]:
    """One ``Region`` for each region token, duplicates of an instance removed."""
    pointed = read_heatmaps(points, len(output.slots))
    presence = torch.sigmoid(calibration.presence_scale * output.presence + calibration.presence_shift)
    slots, scores = output.slots.cpu().numpy(), output.scores.float().cpu().numpy()
    masks, boxes = output.masks.float().cpu().numpy(), output.boxes.float().cpu().numpy()
    order = np.lexsort((-scores, slots))
    ends = np.searchsorted(slots[order], np.arange(len(presence) + 1))
    scales = output.lengths.log_scale.float().exp().cpu().numpy()
    spreads = output.lengths.log_spread.float().exp().cpu().numpy() * calibration.spread_scale
    for slot, probability in enumerate(presence.float().tolist()):
        mine = order[ends[slot] : ends[slot + 1]]
        mine = mine[distinct(masks[mine])]
        located = [pointed[k] for k in mine]
        yield Region(
            probability,
            scores[mine] * np.float32(probability),
            masks[mine],
            boxes[mine],
            scales[mine],
            spreads[mine],
            calibration,
            PointsRead(*map(np.concatenate, zip(*located, strict=True))) if located else NO_POINTS,
        )


def distinct(masks: Float[np.ndarray, "n h w"]) -> Int[np.ndarray, "k"]:
    """Indices of the masks that are no duplicate of an earlier one; empty masks are dropped, but never the last candidate."""
    if len(masks) < 2:
        return np.arange(len(masks))
    flat = (masks > 0).reshape(len(masks), -1).astype(np.float32)
    areas = flat.sum(1)
    shared = flat @ flat.T / np.maximum(np.minimum(areas[:, None], areas[None]), 1)
    kept: list[int] = []
    for index in np.flatnonzero(areas > 0):
        if all(shared[index, other] <= SAME_INSTANCE for other in kept):
            kept.append(int(index))
    return np.array(kept or [0], np.intp)


def read_heatmaps(points: PointOutput, num_instances: int) -> list[PointsRead]:
    """The points of each instance, one instance at a time."""
    values = [value.cpu().numpy() for value in read_points(points.heatmaps.float())]
    owners = points.instances.cpu().numpy()
    order = np.argsort(owners, kind="stable")
    ends = np.cumsum(np.bincount(owners, minlength=num_instances))[:-1]
    parts = (np.split(value[order], ends) for value in values)
    return [PointsRead(*(value[None] for value in one)) for one in zip(*parts, strict=True)][:num_instances]
