"""A stand-in for a model that knows the truth, with places to plant faults."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from types import SimpleNamespace

import numpy as np

from umind.data.examples import axis_ends
from umind.evaluation.answers import question_of
from umind.evaluation.calibration import IDENTITY
from umind.evaluation.report import reference_of
from umind.evaluation.truth import masks_of
from umind.geometry.boxes import boxes_of_masks
from umind.geometry.caliper import diameters_of_mask
from umind.geometry.ellipse import Ellipse, ellipse_of_mask
from umind.geometry.frame import FrameMap
from umind.metrics.text import quantities_of
from umind.processor.letterbox import letterbox
from umind.schema.image import UltrasoundImage
from umind.schema.result import Answer, Classification, Detection, Keypoints, Measurement, Report, Segmentation
from umind.schema.sample import Sample, Structure

LENGTHS = {
    "longest diameter": lambda mask, spacing: diameters_of_mask(mask, spacing)[0].length(spacing),
    "perpendicular diameter": lambda mask, spacing: diameters_of_mask(mask, spacing)[1].length(spacing),
    "area": lambda mask, spacing: mask.sum() * spacing.dy * spacing.dx,
    "biparietal diameter": lambda mask, spacing: 2 * ellipse_of_mask(mask, (spacing.dy, spacing.dx)).semi_minor,
    "occipitofrontal diameter": lambda mask, spacing: 2 * ellipse_of_mask(mask, (spacing.dy, spacing.dx)).semi_major,
    "cephalic index": lambda mask, spacing: 100 / aspect_of(ellipse_of_mask(mask, (spacing.dy, spacing.dx))),
}
"""What is measured, by words of its own."""


def aspect_of(ellipse: Ellipse) -> float:
    """Long axis over short axis."""
    return ellipse.semi_major / ellipse.semi_minor


def shown(
    key: str,
    boxes: Sequence[tuple[int, int, int, int]] = (),
    *,
    name: str = "breast lesion",
    kind: str | None = None,
    absent: tuple[str, ...] = ("fetal head", "liver lesion"),
    dataset: str = "made",
    patient: str | None = None,
    organ: str = "breast",
    reference: float | None = None,
    spacing: float | None = 0.5,
) -> Sample:
    """A black image with bright rectangles (x1, y1, x2, y2)."""
    pixels = np.zeros((64, 80), np.uint8)
    masks = np.zeros((len(boxes), 64, 80), bool)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes, strict=True):
        mask[y1:y2, x1:x2] = True
    attributes = {"class": kind} if kind else {}
    return Sample(
        UltrasoundImage(pixels, spacing=spacing, name=key),
        key=key,
        dataset=dataset,
        split="val",
        organ=organ,
        structures=(Structure(name, masks=masks, attributes=attributes),) if boxes else (),
        absent=absent,
        measurements={"head circumference": reference} if reference else {},
        patient=patient,
    )


def measured(text: str) -> tuple[Measurement, ...]:
    """The numbers of a text as measurements."""
    told = {
        "spread": 0.1,
        "evidence": (),
        "method": "truth",
        "calibration": "user",
        "code": None,
        "presence": 1,
        "phrase": "it",
    }
    return tuple(Measurement(quantity.value, unit=quantity.unit, **told) for quantity in quantities_of(text))


class Oracle:
    """Has the verbs of `UMindVL` and answers with the truth, unless a fault is planted.

    Args:
        samples: Images that it will be shown.
        masks: What it sees; the truth by default.
        there: Its presence; 0.9 for what is there and 0.1 for what is not.
        words: Its answer to a question whose truth is given.
        malignant: Its probability of malignant, from the truth.
        named: What it takes a class for, where there are more than two.
        scale: Factor on measurements.
        turn: Order in which it gives the four axis ends.
        drop: Leaves out the last result of every call.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        *,
        masks: Callable[[Sample, str], np.ndarray] = masks_of,
        there: Callable[[Sample, str], float] | None = None,
        words: Callable[[bool], str] = lambda there: "Yes" if there else "No",
        malignant: Callable[[bool], float] = lambda truth: 0.8 if truth else 0.2,
        named: Callable[[str], str] = lambda truth: truth,
        scale: float = 1.0,
        turn: Sequence[int] = (0, 1, 2, 3),
        drop: bool = False,
    ) -> None:
        self.by_image = {id(sample.image): sample for sample in samples}
        self.masks, self.words, self.malignant, self.scale, self.turn, self.drop = masks, words, malignant, scale, turn, drop
        self.named = named
        self.there = there or (lambda sample, phrase: 0.9 if len(masks_of(sample, phrase)) else 0.1)
        self.model = SimpleNamespace(config=SimpleNamespace(**asdict(IDENTITY)))
        self.batches: list[int] = []

    def encode(self, images: Sequence[UltrasoundImage]) -> list[UltrasoundImage]:
        self.batches.append(len(images))
        return list(images)

    def each(self, images, phrases, make):
        results = [
            make(self.by_image[id(image)], phrase, self.there(self.by_image[id(image)], phrase))
            for image, phrase in zip(images, phrases, strict=True)
        ]
        return results[:-1] if self.drop else results

    def seen(self, sample: Sample, phrase: str, presence: float, threshold: float | None) -> np.ndarray:
        masks = self.masks(sample, phrase)
        return masks if presence >= (0.5 if threshold is None else threshold) else masks[:0]

    def segment(self, images, phrases, *, threshold=None):
        def make(sample, phrase, presence):
            masks = self.seen(sample, phrase, presence, threshold)
            scores = np.full(len(masks), 0.9 * presence, np.float32)
            frame: FrameMap = letterbox(sample.image.grey, 256)[1]
            result = Segmentation(
                np.zeros((len(masks), 2, 2), np.float32), frame=frame, scores=scores, presence=presence, phrase=phrase
            )
            result.__dict__["masks"] = masks  # the exact truth, which logits on a coarse grid are not
            return result

        return self.each(images, phrases, make)

    def detect(self, images, phrases, *, threshold=None):
        def make(sample, phrase, presence):
            boxes = boxes_of_masks(self.seen(sample, phrase, presence, threshold))
            scores = np.full(len(boxes), 0.9 * presence, np.float32)
            return Detection(boxes, scores=scores, presence=presence, phrase=phrase)

        return self.each(images, phrases, make)

    def keypoints(self, images, phrases, *, threshold=None):
        def make(sample, phrase, presence):
            masks = self.seen(sample, phrase, presence, threshold)
            points = axis_ends(masks[0])[list(self.turn)] if len(masks) else np.zeros((0, 2))
            k = len(points)
            return Keypoints(
                points,
                names=("a", "b", "c", "d")[:k],
                scores=np.ones(k),
                covariances=np.zeros((k, 2, 2)),
                presence=presence,
                phrase=phrase,
            )

        return self.each(images, phrases, make)

    def measure(self, images, phrases, *, threshold=None):
        def make(sample, phrase, presence):
            name, _, structure = phrase.partition(" of the ")
            target = structure or "fetal head"
            masks = self.seen(sample, target, self.there(sample, target), threshold)
            value = None
            if len(masks):
                spacing = sample.image.spacing
                value = self.scale * (sample.measurements.get(phrase) or LENGTHS[name](masks[0], spacing))
            return Measurement(
                value,
                unit="mm",
                spread=None if value is None else 0.1 * value,
                evidence=(),
                method="truth",
                calibration="user",
                code=None,
                presence=presence,
                phrase=phrase,
            )

        return self.each(images, phrases, make)

    def classify(self, images, phrases, options, *, threshold=None):
        def make(sample, phrase, presence):
            truth = sample.structure(phrase).attributes["class"]
            p = self.malignant(truth == "malignant")
            several = np.where(np.array(options) == self.named(truth), 0.8, 0.2 / (len(options) - 1))
            probabilities = np.array([1 - p, p]) if len(options) == 2 else several
            return Classification(tuple(options), probabilities=probabilities, presence=presence, label=None, phrase=phrase)

        return self.each(images, phrases, make)

    def ask(self, images, questions, *, threshold=None):
        def make(sample, question, presence):
            there = question in [question_of(structure.name) for structure in sample.structures]
            return Answer(self.words(there), evidence=(), presence=1.0)

        return self.each(images, questions, make)

    def report(self, images, *, threshold=None):
        def make(sample, phrase, presence):
            text = reference_of(sample)
            return Report(text, findings=(), measurements=measured(text), evidence=(), presence=1.0)

        return self.each(images, ["report"] * len(images), make)
