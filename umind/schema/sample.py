"""A labelled image: what adapters and the phantom give, and training and evaluation take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from umind.schema.image import UltrasoundImage

Split = Literal["train", "val", "test"]


@dataclass(frozen=True, eq=False)
class Structure:
    """One kind of thing in an image, with all its instances.

    Args:
        name: Canonical noun of the field: ``"breast lesion"``, ``"fetal head"``, ``"carotid artery"``.
        masks: One bool mask for each instance that is outlined, ``(N, H, W)``.
        boxes: xyxy in source pixels of further instances that are boxed and not outlined, ``(B, 4)``.
        keypoints: xy in source pixels of each named point, one for each of the N + B instances, ``(N + B, 2)``; NaN where it
            is not marked.
        attributes: What the annotation says of it: ``{"class": "malignant", "margin": "spiculated"}``. Keys are
            ``class``, ``shape``, ``margin``, ``echogenicity``, ``orientation``, ``posterior features``, ``calcifications``,
            ``composition``, ``halo``, ``skin thickening``; values are the set's words in lower case.
    """

    name: str
    masks: Bool[np.ndarray, "n h w"] = field(kw_only=True)
    boxes: Float[np.ndarray, "b 4"] = field(default_factory=lambda: np.zeros((0, 4), np.float32), kw_only=True)
    keypoints: Mapping[str, Float[np.ndarray, "m 2"]] = field(default_factory=dict, kw_only=True)
    attributes: Mapping[str, str] = field(default_factory=dict, kw_only=True)


@dataclass(frozen=True)
class Exchange:
    """A question about an image with its answer, as a set publishes them.

    Args:
        question: Words of the person.
        answer: Words of the reference.
        options: What could be chosen from; empty for a free question.
        language: ISO 639-1 code.
    """

    question: str
    answer: str = field(kw_only=True)
    options: tuple[str, ...] = field(default=(), kw_only=True)
    language: str = field(default="en", kw_only=True)

    @property
    def asked(self) -> str:
        """The question, and what can be chosen where it does not say so itself."""
        if not self.question or all(option.casefold() in self.question.casefold() for option in self.options):
            return self.question
        return f"{self.question} Options: {'; '.join(self.options)}."


@dataclass(frozen=True, eq=False)
class Sample:
    """An image with its truth.

    Args:
        image: Pixels and spacing.
        key: Identifier inside its set; for a set on disk the path without suffix, as in ``splits.csv``.
        dataset: Name of the set.
        split: Which part it belongs to.
        organ: What is scanned: ``"breast"``, ``"fetal head"``, ``"ovary"``, ``"thyroid"``, ``"neck"``, ``"limb"``,
            ``"liver"``, ``"lung"``, ``"heart"``, ``"pelvis"``; empty when the set does not say.
        structures: What is there and outlined.
        absent: Canonical names of structures known not to be there. Co-visible anatomy is never listed.
        attributes: Facts about the whole image, as ``{"class": "covid"}``.
        measurements: Reference values by protocol name, in the protocol's unit (``{"head circumference": 175.3}``).
        exchanges: Questions with their answers, in turn.
        report: Report of the image; empty when there is none.
        stretch: True lengths over those of the masks; not 1 where the drawn line of an outline belongs to its mask.
        patient: Patient identifier; None when the set publishes none.
        group: Joins one patient's images and near-duplicates; the unit of bootstrap where there is no patient.
    """

    image: UltrasoundImage
    key: str = field(kw_only=True)
    dataset: str = field(kw_only=True)
    split: Split = field(kw_only=True)
    organ: str = field(kw_only=True)
    structures: tuple[Structure, ...] = field(default=(), kw_only=True)
    absent: tuple[str, ...] = field(default=(), kw_only=True)
    attributes: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    measurements: Mapping[str, float] = field(default_factory=dict, kw_only=True)
    exchanges: tuple[Exchange, ...] = field(default=(), kw_only=True)
    report: str = field(default="", kw_only=True)
    stretch: float = field(default=1.0, kw_only=True)
    patient: str | None = field(default=None, kw_only=True)
    group: str = field(default="", kw_only=True)

    def structure(self, name: str) -> Structure | None:
        """The structure of this canonical name, or None."""
        return next((s for s in self.structures if s.name == name), None)
