"""What comes out of a verb: frozen NumPy data in the coordinates of the image that went in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from umind.geometry.boxes import boxes_of_masks
from umind.geometry.caliper import Caliper
from umind.geometry.ellipse import Ellipse
from umind.geometry.frame import FrameMap
from umind.geometry.masks import resize_logits
from umind.schema.errors import UncalibratedError
from umind.schema.image import CalibrationSource
from umind.schema.serial import ResultData

Unit = Literal["mm", "cm", "m", "mm2", "cm2", "px", "px2", "ml", "g", "wk", "d", "deg", "%", "{points}"]
"""UCUM; ``px`` and ``px2`` stand for what has no physical unit."""
KINDS: Mapping[str, tuple[str, float]] = MappingProxyType(
    {
        "mm": ("length", 1.0),
        "cm": ("length", 10.0),
        "m": ("length", 1e3),
        "mm2": ("area", 1.0),
        "cm2": ("area", 100.0),
        "d": ("time", 1.0),
        "wk": ("time", 7.0),
    }
)
"""Kind of each unit that has others beside it, and how many of the first one of its kind it is."""


@dataclass(frozen=True, eq=False, repr=False)
class Segmentation(ResultData):
    """Masks of every instance of a phrase; ``len(result) == 0`` when it is absent.

    Args:
        logits: Mask logits in the model's grid, ``(N, h, w)``; ``masks`` are read from them.
        frame: Map between the source image and the model's frame.
        scores: Confidence of each instance, ``(N,)``, in 0..1, falling.
        presence: Calibrated probability that the phrase is in the image.
        phrase: What was asked for.
    """

    logits: Float[np.ndarray, "n h w"]
    frame: FrameMap = field(kw_only=True)
    scores: Float[np.ndarray, "n"] = field(kw_only=True)
    presence: float = field(kw_only=True)
    phrase: str = field(kw_only=True)

    @cached_property
    def masks(self) -> Bool[np.ndarray, "n height width"]:
        """One mask for each instance, at the size of the source image."""
        return resize_logits(self.logits, self.frame) > 0

    @cached_property
    def mask(self) -> Bool[np.ndarray, "height width"]:
        """Union of the masks, at the size of the source image."""
        merged: Bool[np.ndarray, "height width"] = np.any(self.masks, axis=0)
        return merged

    @cached_property
    def boxes(self) -> Float[np.ndarray, "n 4"]:
        """Tight xyxy box of each mask, in source pixels."""
        return boxes_of_masks(self.masks)

    def __len__(self) -> int:
        return len(self.scores)


@dataclass(frozen=True, eq=False, repr=False)
class Detection(ResultData):
    """Boxes of every instance of a phrase.

    Args:
        boxes: xyxy in source pixels, ``(N, 4)``.
        scores: ``(N,)`` in 0..1, falling.
        presence: Calibrated probability that the phrase is in the image.
        phrase: What was asked for.
    """

    boxes: Float[np.ndarray, "n 4"]
    scores: Float[np.ndarray, "n"] = field(kw_only=True)
    presence: float = field(kw_only=True)
    phrase: str = field(kw_only=True)

    def __len__(self) -> int:
        return len(self.scores)


@dataclass(frozen=True, eq=False, repr=False)
class Keypoints(ResultData):
    """Named points of a structure.

    Args:
        points: xy in source pixels, ``(K, 2)``; ``(0, 2)`` when the structure is absent.
        names: K names.
        scores: Share of the heatmap near each point, ``(K,)`` in 0..1.
        covariances: xy covariance of each point in source pixels squared, ``(K, 2, 2)``.
        presence: Calibrated probability that the structure is in the image.
        phrase: What was asked for.
    """

    points: Float[np.ndarray, "k 2"]
    names: tuple[str, ...] = field(kw_only=True)
    scores: Float[np.ndarray, "k"] = field(kw_only=True)
    covariances: Float[np.ndarray, "k 2 2"] = field(kw_only=True)
    presence: float = field(kw_only=True)
    phrase: str = field(kw_only=True)

    def __len__(self) -> int:
        return len(self.scores)


@dataclass(frozen=True, eq=False, repr=False)
class Classification(ResultData):
    """One of several options.

    Args:
        labels: The options, in the order given.
        probabilities: ``(C,)``, sums to 1.
        presence: Calibrated probability that what is classified is in the image.
        label: The most probable option; None when what is classified is absent.
        phrase: What was classified.
    """

    labels: tuple[str, ...]
    probabilities: Float[np.ndarray, "c"] = field(kw_only=True)
    presence: float = field(kw_only=True)
    label: str | None = field(kw_only=True)
    phrase: str = field(kw_only=True)


@dataclass(frozen=True)
class Code(ResultData):
    """A coded concept, as DICOM writes it: value, scheme, meaning."""

    value: str
    scheme: str
    meaning: str


@dataclass(frozen=True)
class ValidRange(ResultData):
    """Where a formula holds, and the number that it was used with.

    Args:
        name: Input of the formula, or the measurement itself.
        value: The number.
        low: Least number that the formula holds for.
        high: Greatest.
        unit: UCUM unit of all three.
    """

    name: str
    value: float
    low: float
    high: float
    unit: Unit

    @property
    def holds(self) -> bool:
        """Whether the number lies in the range."""
        return self.low <= self.value <= self.high


Evidence = Segmentation | Detection | Keypoints | Caliper | Ellipse


@dataclass(frozen=True, eq=False, repr=False)
class Measurement(ResultData):
    """A number with its unit, its uncertainty and the geometry it was read from.

    Args:
        value: The number; None when the structure is absent.
        unit: UCUM unit; ``px`` or ``px2`` when the image is not calibrated.
        spread: One standard deviation, in the same unit; None when the structure is absent, or an input states none.
        evidence: What the number was read from, in source pixels.
        method: Protocol, equation and year.
        calibration: Source of the spacing.
        code: Coded concept of the measurement, when one is known.
        presence: Calibrated probability that the structure is in the image.
        phrase: What was asked for.
        ranges: Where the formula holds, for each number with a known range.
    """

    value: float | None
    unit: Unit = field(kw_only=True)
    spread: float | None = field(kw_only=True)
    evidence: tuple[Evidence, ...] = field(kw_only=True)
    method: str = field(kw_only=True)
    calibration: CalibrationSource = field(kw_only=True)
    code: Code | None = field(kw_only=True)
    presence: float = field(kw_only=True)
    phrase: str = field(kw_only=True)
    ranges: tuple[ValidRange, ...] = field(default=(), kw_only=True)

    @property
    def in_range(self) -> bool | None:
        """Whether the formula holds for every number with a known range; None when none is known."""
        return all(entry.holds for entry in self.ranges) if self.ranges else None

    def to(self, unit: Unit) -> Measurement:
        """The same measurement in another unit of the same kind.

        Raises:
            UncalibratedError: The value is in pixels, because the image has no spacing.
            ValueError: The unit measures something else (an area for a length).
        """
        if unit == self.unit:
            return self
        if self.unit in ("px", "px2"):
            raise UncalibratedError(
                f"{self.phrase!r} is in {self.unit}: the image has no spacing; read(path, spacing=...) sets it"
            )
        here, there = KINDS.get(self.unit), KINDS.get(unit)
        if here is None or there is None or here[0] != there[0]:
            raise ValueError(f"cannot express {self.unit} in {unit}")
        factor = here[1] / there[1]
        value, spread = (None if number is None else number * factor for number in (self.value, self.spread))
        return replace(self, value=value, spread=spread, unit=unit)

    def __str__(self) -> str:
        """``"82.4 mm"``; ``"absent"`` without a value."""
        if self.value is None or not math.isfinite(self.value):
            return "absent"
        return f"{self.value:.1f} {self.unit}"


@dataclass(frozen=True, eq=False, repr=False)
class Answer(ResultData):
    """Generated text with what its task tokens pointed at.

    Args:
        text: The answer; task tokens are taken out, and numbers put in for ``[MEAS]``.
        evidence: One result for each task token that the text held, in order.
        presence: Calibrated probability of what the evidence shows, the lowest of them; 1 without evidence.
    """

    text: str
    evidence: tuple[Segmentation | Detection | Keypoints | Measurement, ...] = field(kw_only=True)
    presence: float = field(kw_only=True)


@dataclass(frozen=True, eq=False, repr=False)
class Report(ResultData):
    """A short structured report.

    Args:
        text: Sentences; every number in them is one of ``measurements``.
        findings: The sentences that state a finding.
        measurements: Numbers of the text, in order.
        evidence: Masks and boxes that the findings rest on.
        presence: Lowest presence among the evidence; 1 without evidence.
    """

    text: str
    findings: tuple[str, ...] = field(kw_only=True)
    measurements: tuple[Measurement, ...] = field(kw_only=True)
    evidence: tuple[Segmentation | Detection | Keypoints, ...] = field(kw_only=True)
    presence: float = field(kw_only=True)


@dataclass(frozen=True, eq=False, repr=False)
class Analysis(ResultData):
    """Everything that was asked of one image, from one encode and one prefill; maps are keyed by the phrases given.

    Args:
        segmentations: By phrase of ``find``.
        detections: By phrase of ``find``.
        keypoints: By phrase of ``find``.
        measurements: By name of ``measure``.
        classifications: By phrase of ``classes``.
        report: Generated text; None unless asked for.
        refused: Why, by name of ``measure``, where this image cannot give it.
        name: Name of the image.
    """

    segmentations: Mapping[str, Segmentation]
    detections: Mapping[str, Detection] = field(kw_only=True)
    keypoints: Mapping[str, Keypoints] = field(kw_only=True)
    measurements: Mapping[str, Measurement] = field(kw_only=True)
    classifications: Mapping[str, Classification] = field(kw_only=True)
    report: Report | None = field(default=None, kw_only=True)
    refused: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    name: str = field(default="", kw_only=True)


Result = Segmentation | Detection | Keypoints | Measurement | Classification | Answer | Report | Analysis
