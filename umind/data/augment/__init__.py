"""Random views that know ultrasound, as albumentations' transforms; labels follow the geometry."""

from __future__ import annotations

import os

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # or importing it asks a server for newer versions

from umind.data.augment.frame import ellipse_of_axis_ends
from umind.data.augment.laterality import mirror_words
from umind.data.augment.pipeline import build_augmentation
from umind.data.augment.view import augment, compose

__all__ = ["augment", "build_augmentation", "compose", "ellipse_of_axis_ends", "mirror_words"]
