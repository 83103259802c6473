"""Rectangles that are blacked out."""

from __future__ import annotations

from typing import Any

import albumentations as A  # noqa: N812 (as its own documentation imports it)
import numpy as np
from jaxtyping import Float


class Holes(A.CoarseDropout):
    """Black rectangles behind which everything stays, as in the masks; the library shrinks boxes to what is left of them."""

    def apply_to_bboxes(self, bboxes: Float[np.ndarray, "n k"], **params: Any) -> Float[np.ndarray, "n k"]:
        """The boxes as they are."""
        return bboxes
