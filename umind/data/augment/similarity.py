"""Views that turn, scale and shift an image, and black out what a scanner would not show."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import albumentations as A  # noqa: N812 (as its own documentation imports it)
import cv2
import numpy as np
from albumentations.augmentations.geometric.functional import bboxes_affine_largest_box
from albumentations.core.bbox_utils import denormalize_bboxes, normalize_bboxes
from albumentations.core.type_definitions import Targets
from jaxtyping import Bool, Float, Shaped, UInt8

CENTRE = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
"""From pixel indices, which albumentations' keypoints and OpenCV's images are in, to continuous coordinates."""


class SimilarityView(A.DualTransform):
    """A turn, one scale and a shift of image, masks, boxes and keypoints; the canvas keeps its size.

    A subclass says which. Boxes are not cut at the sides of a field of view, and keypoints may come to lie outside of it.
    """

    _targets = (Targets.IMAGE, Targets.MASK, Targets.BBOXES, Targets.KEYPOINTS)

    @abstractmethod
    def draw(self, pixels: UInt8[np.ndarray, "h w *c"]) -> tuple[Float[np.ndarray, "3 3"], Bool[np.ndarray, "h w"] | None]:
        """A random matrix in continuous xy coordinates, and which pixels of the view are shown; None for all."""

    def get_params_dependent_on_data(self, params: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        """Matrix and field of view for this image."""
        matrix, shown = self.draw(data["image"])
        return {"matrix": matrix, "shown": shown}

    def apply(
        self,
        img: UInt8[np.ndarray, "h w *c"],
        matrix: Float[np.ndarray, "3 3"],
        shown: Bool[np.ndarray, "h w"] | None,
        **params: Any,
    ) -> UInt8[np.ndarray, "h w *c"]:
        """The image in view."""
        return warp(img, matrix, shown, cv2.INTER_LINEAR)

    def apply_to_mask(
        self,
        mask: Shaped[np.ndarray, "h w *c"],
        matrix: Float[np.ndarray, "3 3"],
        shown: Bool[np.ndarray, "h w"] | None,
        **params: Any,
    ) -> Shaped[np.ndarray, "h w *c"]:
        """The labels in view."""
        return warp(mask, matrix, shown, cv2.INTER_NEAREST)

    def apply_to_bboxes(
        self, bboxes: Float[np.ndarray, "n k"], matrix: Float[np.ndarray, "3 3"], **params: Any
    ) -> Float[np.ndarray, "n k"]:
        """Boxes around the moved corners."""
        moved = bboxes_affine_largest_box(denormalize_bboxes(bboxes, params["shape"]), matrix)
        return np.asarray(normalize_bboxes(moved, params["shape"]))

    def apply_to_keypoints(
        self, keypoints: Float[np.ndarray, "n k"], matrix: Float[np.ndarray, "3 3"], **params: Any
    ) -> Float[np.ndarray, "n k"]:
        """The points moved."""
        moved = keypoints.copy()
        moved[:, :2] = keypoints[:, :2] @ by_index(matrix)[:, :2].T + by_index(matrix)[:, 2]
        return moved


def by_index(matrix: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, "2 3"]:
    """A map of continuous coordinates as a map of pixel indices."""
    return np.asarray((np.linalg.inv(CENTRE) @ matrix @ CENTRE)[:2])


def warp(
    pixels: Shaped[np.ndarray, "h w *c"],
    matrix: Float[np.ndarray, "3 3"],
    shown: Bool[np.ndarray, "h w"] | None,
    interpolation: int,
) -> Shaped[np.ndarray, "h w *c"]:
    """An array moved on its canvas, 0 where nothing is known or shown."""
    moved = cv2.warpAffine(pixels, by_index(matrix), pixels.shape[1::-1], flags=interpolation).reshape(pixels.shape)
    if shown is not None:
        moved *= shown.reshape(*shown.shape, *[1] * (moved.ndim - 2))
    return np.asarray(moved)
