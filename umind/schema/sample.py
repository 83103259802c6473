"""A labelled image: what adapters and the phantom give, and training and evaluation take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from jaxtyping import Bool

from umind.schema.image import UltrasoundImage

Split = Literal["train", "val", "test"]


@dataclass(frozen=True, eq=False)
class Structure:
    """One kind of thing in an image, with all its instances.

    Args:
        name: Canonical noun of the field: ``"breast lesion"``, ``"fetal head"``, ``"carotid artery"``.
        masks: One bool mask for each instance, ``(N, H, W)``, N >= 1.
        attributes: What the annotation says of it: ``{"class": "malignant", "margin": "spiculated"}``. Keys are
            ``class``, ``shape``, ``margin``, ``echogenicity``, ``orientation``, ``posterior features``, ``calcifications``,
            ``composition``, ``halo``, ``skin thickening``; values are the set's words in lower case.
    """

    name: str
    masks: Bool[np.ndarray, "n h w"] = field(kw_only=True)
    attributes: Mapping[str, str] = field(default_factory=dict, kw_only=True)


@dataclass(frozen=True, eq=False)
class Sample:
    """An image with its truth.

    Args:
        image: Pixels and spacing.
        key: Identifier inside its set; for a set on disk the path without suffix, as in ``splits.csv``.
        dataset: Name of the set.
        split: Which part it belongs to.
        organ: What is scanned: ``"breast"``, ``"fetal head"``, ``"ovary"``, ``"thyroid"``, ``"neck"``, ``"limb"``,
            ``"liver"``, ``"lung"``.
        structures: What is there and outlined.
        absent: Canonical names of structures known not to be there. Co-visible anatomy is never listed.
        attributes: Facts about the whole image, as ``{"class": "covid"}``.
        measurements: Reference values by protocol name, in millimetres (``{"head circumference": 175.3}``).
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
    patient: str | None = field(default=None, kw_only=True)
    group: str = field(default="", kw_only=True)

    def structure(self, name: str) -> Structure | None:
        """The structure of this canonical name, or None."""
        return next((s for s in self.structures if s.name == name), None)
