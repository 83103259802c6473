"""One random view of an annotated image: everything that is known of it follows."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import albumentations as A  # noqa: N812 (as its own documentation imports it)
import numpy as np

from umind.data.augment.frame import anchors, linear_part, moved_spacing
from umind.data.augment.laterality import mirror_exchange, mirror_words
from umind.data.labelled import Labelled

HALF = 0.5
"""Between continuous coordinates and those of albumentations' keypoints, which are pixel indices; its boxes are continuous."""


def compose(transforms: Sequence[A.BasicTransform]) -> A.Compose:
    """Transforms in turn, as ``augment`` takes them.

    Points that leave the view are kept. The fifth column of a box is its number, as boxes that leave are dropped.
    """
    if not any("keypoints" in transform.available_keys for transform in transforms):
        return A.Compose(list(transforms))  # boxes and points stay, and albumentations warns of parameters that nothing uses
    return A.Compose(
        list(transforms),
        bbox_params=A.BboxParams("pascal_voc", clip=True, filter_invalid_bboxes=True),
        keypoint_params=A.KeypointParams("xy", remove_invisible=False, check_each_transform=False),
    )


def augment(item: Labelled, transform: A.Compose, rng: np.random.Generator) -> Labelled:
    """One random view, decided by ``rng`` alone.

    Pixels and labels move together; boxes, keypoints and the spacing follow where there are any (see ``moved_spacing`` for
    the maps that end it), and left and right change places in the words of a view that is mirrored. An ellipse travels as
    keypoints (see ``ellipse_of_axis_ends``).

    Args:
        item: What to look at.
        transform: From ``build_augmentation`` or ``compose``.
        rng: Source of the view's seed.
    """
    seed = int(rng.integers(2**31))
    # one stream for all: set_random_seed starts every transform from the same seed, and one in ten fires only with one in two
    transform.set_random_state(np.random.default_rng(seed), Random(seed))
    canvas = {"image": item.pixels[..., None], "mask": item.labels}
    if not (len(item.boxes) or len(item.keypoints) or item.spacing or item.exchanges or item.report):
        view = transform(**canvas)
        return Labelled(view["image"].reshape(item.pixels.shape), view["mask"], item.facts)
    before = anchors(item.pixels.shape[0])
    view = transform(
        **canvas,
        bboxes=np.column_stack([item.boxes, np.arange(len(item.boxes))]).astype(np.float32),
        keypoints=np.concatenate([before, item.keypoints]) - HALF,
    )
    after = np.asarray(view["keypoints"], np.float64) + HALF
    linear = linear_part(before, after[: len(before)])
    boxes = np.zeros((len(item.boxes), 4), np.float32)
    for *box, number in view["bboxes"]:
        boxes[round(number)] = box
    mirrored = linear is not None and np.linalg.det(linear) < 0
    return Labelled(
        view["image"].reshape(item.pixels.shape),
        view["mask"],
        item.facts,
        boxes=boxes,
        keypoints=after[len(before) :].astype(np.float32),
        spacing=moved_spacing(item.spacing, linear),
        exchanges=tuple(map(mirror_exchange, item.exchanges)) if mirrored else item.exchanges,
        report=mirror_words(item.report) if mirrored else item.report,
    )
