"""The views that training takes."""

from __future__ import annotations

import albumentations as A  # noqa: N812 (as its own documentation imports it)
import cv2

from umind.data.augment.attenuation import Attenuation
from umind.data.augment.crop import CropToSector
from umind.data.augment.gain import TimeGain
from umind.data.augment.haze import Haze
from umind.data.augment.holes import Holes
from umind.data.augment.overlay import RemoveOverlay
from umind.data.augment.sector_view import SectorView
from umind.data.augment.shadow import Shadow
from umind.data.augment.speckle import Speckle
from umind.data.augment.view import compose


def build_augmentation(*, remove_overlay: bool = False) -> A.Compose:
    """What happens to the echoes, then what the operator does to the view, then what befalls any image.

    The order is that of the physics: the beams are looked for while they still stand upright. The words of "where is it" are
    made after this, from the moved labels, so a flip is safe.

    Args:
        remove_overlay: Paint burned-in calipers and text over first; it takes some bright thin echoes with them.
    """
    return compose(
        [
            *([RemoveOverlay()] if remove_overlay else []),
            A.HorizontalFlip(p=0.5),
            A.OneOf([TimeGain(p=0.75), Attenuation(p=0.25)], p=0.25),
            A.OneOf([Speckle(p=0.4), Haze(p=0.2), Shadow(p=0.4)], p=0.12),
            A.OneOf([SectorView(p=0.7), CropToSector(p=0.3)], p=0.12),
            A.Affine(
                scale=(0.8, 1.3),
                rotate=(-20, 20),
                shear=(-6, 6),
                translate_percent=(-0.12, 0.12),
                interpolation=cv2.INTER_LINEAR,
                mask_interpolation=cv2.INTER_NEAREST,
                p=0.9,
            ),
            A.RandomBrightnessContrast(0.12, 0.3, p=0.6),
            A.RandomGamma((60, 160), p=0.5),
            A.GaussianBlur(blur_limit=(3, 5), p=0.15),
            A.Downscale(scale_range=(0.5, 0.9), p=0.1),
            Holes(num_holes_range=(1, 2), hole_height_range=(0.05, 0.15), hole_width_range=(0.05, 0.15), p=0.1),
        ]
    )
