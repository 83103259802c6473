"""Phantoms with a marker of exactly known place, and every transform at full strength, for the tests beside it."""

from __future__ import annotations

from collections.abc import Callable

import albumentations as A  # noqa: N812
import cv2
import numpy as np

from umind.data.augment.attenuation import Attenuation
from umind.data.augment.crop import CropToSector
from umind.data.augment.gain import TimeGain
from umind.data.augment.haze import Haze
from umind.data.augment.holes import Holes
from umind.data.augment.overlay import RemoveOverlay
from umind.data.augment.sector_view import SectorView
from umind.data.augment.shadow import Shadow
from umind.data.augment.speckle import Speckle
from umind.data.labelled import Facts, Labelled, labelled
from umind.data.phantom import phantom_sample
from umind.data.phantom.scene import Scene, Stage

Maker = Callable[[], A.BasicTransform]

PHOTOMETRIC: dict[str, Maker] = {
    "gain": lambda: TimeGain(p=1),
    "attenuation": lambda: Attenuation(p=1),
    "shadow": lambda: Shadow(p=1),
    "speckle": lambda: Speckle(p=1),
    "haze": lambda: Haze(p=1),
    "overlay": lambda: RemoveOverlay(p=1),
}
GEOMETRIC: dict[str, Maker] = {
    "sector view": lambda: SectorView(p=1),
    "crop": lambda: CropToSector(p=1),
    "flip": lambda: A.HorizontalFlip(p=1),
    "affine": lambda: A.Affine(scale=(0.8, 1.3), rotate=(-20, 20), shear=(-6, 6), translate_percent=(-0.12, 0.12), p=1),
}
EVERY: dict[str, Maker] = {**PHOTOMETRIC, **GEOMETRIC, "holes": lambda: Holes(p=1)}
FACTS = Facts("s", "train", "k", "k", "breast", (("cyst", 1, {}),), (), {})


def phantom_item(seed: int, size: int, scene: Scene | None = None) -> Labelled:
    """A phantom on its canvas."""
    return labelled(phantom_sample(seed, size=size, scene=scene), size)


def scanned(seed: int, size: int, scene: Scene) -> tuple[Stage, np.ndarray]:
    """A stage, which knows its probe, with its pixels."""
    stage = Stage(np.random.default_rng(seed), size, scene)
    if scene != "empty":
        {"head": stage.add_head, "lesions": stage.add_lesions, "vessel": stage.add_vessel}[scene]()
    return stage, stage.expose()


def disc(x: float, y: float, radius: float, size: int) -> np.ndarray:
    """Mask of a disc, its centre in continuous coordinates."""
    ys, xs = np.mgrid[:size, :size] + 0.5
    return np.asarray((xs - x) ** 2 + (ys - y) ** 2 <= radius**2)


def centroid(weights: np.ndarray) -> np.ndarray:
    """Centre of mass xy in continuous coordinates."""
    ys, xs = np.mgrid[: weights.shape[0], : weights.shape[1]] + 0.5
    return np.array([(weights * xs).sum(), (weights * ys).sum()]) / weights.sum()


def whole(mask: np.ndarray) -> bool:
    """Whether a mask neither left the canvas nor touches its border."""
    return bool(mask.any()) and not (mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any())


def blank(size: int) -> np.ndarray:
    """A linear array's field of view, evenly grey, with a black border."""
    canvas = np.zeros((size, size), np.uint8)
    cv2.rectangle(canvas, (size // 16, size // 16), (size - size // 16 - 1, size - size // 16 - 1), 90, cv2.FILLED)
    return canvas
