"""Random views of an annotated image, with albumentations; labels follow the geometry."""

from __future__ import annotations

import os

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # or importing it asks a server for newer versions

import albumentations as A  # noqa: N812 (as its own documentation imports it)
import cv2
import numpy as np

from umind.data.labelled import Labelled


def build_augmentation() -> A.Compose:
    """Affine geometry with flips, then gain, gamma, blur and speckle-like noise.

    The words of "where is it" are made after this, from the moved labels, so a flip is safe.
    """
    return A.Compose(
        [
            A.HorizontalFlip(p=0.5),
            A.Affine(
                scale=(0.8, 1.3),
                rotate=(-20, 20),
                shear=(-6, 6),
                translate_percent=(-0.12, 0.12),
                interpolation=cv2.INTER_LINEAR,
                mask_interpolation=cv2.INTER_NEAREST,
                p=0.9,
            ),
            A.RandomBrightnessContrast(0.25, 0.3, p=0.7),
            A.RandomGamma((60, 160), p=0.5),
            A.MultiplicativeNoise((0.8, 1.2), elementwise=True, p=0.2),
            A.GaussianBlur(blur_limit=(3, 5), p=0.15),
            A.Downscale(scale_range=(0.5, 0.9), p=0.1),
            A.CoarseDropout(num_holes_range=(1, 2), hole_height_range=(0.05, 0.15), hole_width_range=(0.05, 0.15), p=0.1),
        ]
    )


def augment(item: Labelled, transform: A.Compose, rng: np.random.Generator) -> Labelled:
    """One random view, decided by ``rng`` alone."""
    transform.set_random_seed(int(rng.integers(2**31)))
    view = transform(image=item.pixels[..., None], mask=item.labels)
    return Labelled(view["image"].reshape(item.pixels.shape), view["mask"], item.facts)
