"""Random views: labels go where the pixels go."""

import cv2
import numpy as np

from umind.data.augment import augment, build_augmentation
from umind.data.labelled import Facts, Labelled

FACTS = Facts("s", "train", "k", "k", "breast", (("cyst", 1, {}),), (), {})


def disc_item(x: int, y: int, radius: int = 12, size: int = 96) -> Labelled:
    ys, xs = np.mgrid[:size, :size]
    disc = (xs - x) ** 2 + (ys - y) ** 2 <= radius**2
    return Labelled(np.where(disc, 200, 40).astype(np.uint8), disc.astype(np.uint8), FACTS)


def test_labels_follow_the_geometry() -> None:
    transform, overlaps, moved = build_augmentation(), [], 0
    for seed in range(60):
        item = disc_item(62, 40)
        view = augment(item, transform, np.random.default_rng(seed))
        assert view.pixels.shape == view.labels.shape == (96, 96)
        assert set(np.unique(view.labels)) <= {0, 1}
        _, bright = cv2.threshold(view.pixels, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
        seen, said = bright.astype(bool), view.labels.astype(bool)
        if said.sum() < 200 or not said.any():
            continue
        around = cv2.dilate(view.labels, np.ones((15, 15), np.uint8)).astype(bool)  # away from the black border
        overlaps.append((seen & said).sum() / ((seen | said) & around).sum())
        moved += not np.array_equal(view.labels, item.labels)
    assert len(overlaps) > 50
    assert moved > 45
    assert np.median(overlaps) > 0.95
    assert np.mean(np.array(overlaps) > 0.8) > 0.9  # a hole or heavy noise may cover the disc


def test_views_are_decided_by_the_generator_alone() -> None:
    transform, item = build_augmentation(), disc_item(40, 50)
    views = [augment(item, transform, np.random.default_rng(7)) for _ in range(2)]
    np.testing.assert_array_equal(views[0].pixels, views[1].pixels)
    np.testing.assert_array_equal(views[0].labels, views[1].labels)
    fresh = augment(item, build_augmentation(), np.random.default_rng(7))
    np.testing.assert_array_equal(views[0].pixels, fresh.pixels)
    other = augment(item, transform, np.random.default_rng(8))
    assert not np.array_equal(views[0].pixels, other.pixels)
