"""The whole pipeline, as training runs it."""

import cv2
import numpy as np
import pytest
from augment_views import FACTS, disc, phantom_item

from umind.data.augment import augment, build_augmentation
from umind.data.augment.overlay import RemoveOverlay
from umind.data.labelled import Labelled, labelled
from umind.data.phantom import phantom_sample
from umind.geometry.overlay import find_overlay
from umind.geometry.spacing import Spacing
from umind.schema.image import UltrasoundImage
from umind.schema.sample import Sample, Structure


def disc_item(x: int, y: int, radius: int = 12, size: int = 96) -> Labelled:
    mask = disc(x + 0.5, y + 0.5, radius, size)
    return Labelled(np.where(mask, 200, 40).astype(np.uint8), mask.astype(np.uint8), FACTS)


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


def test_transforms_are_drawn_independently() -> None:
    """Not each from the same seed, which would blur only what is flipped."""
    transform, fired = build_augmentation(), []
    for seed in range(200):
        augment(disc_item(40, 50), transform, np.random.default_rng(seed))
        fired.append([bool(t.params) for t in transform.transforms if type(t).__name__ in ("RandomGamma", "GaussianBlur")])
    gamma, blur = np.array(fired).T
    assert (blur & ~gamma).sum() > 5


@pytest.mark.parametrize("size", [64, 128, 320])
def test_phantoms_of_any_size(size: int) -> None:
    transform = build_augmentation(remove_overlay=True)
    for seed in range(8):
        item = phantom_item(seed, size)
        view = augment(item, transform, np.random.default_rng(seed))
        assert view.pixels.shape == view.labels.shape == (size, size)
        assert view.pixels.dtype == view.labels.dtype == np.uint8
        assert set(np.unique(view.labels)) <= set(np.unique(item.labels))


def test_a_sample_s_boxes_points_and_spacing_reach_the_canvas() -> None:
    structure = Structure(
        "cyst",
        masks=np.zeros((0, 50, 100), bool),
        boxes=np.array([[10, 20, 30, 40]], np.float32),
        keypoints={"centre": np.array([[20, 30]], np.float32)},
    )
    image = UltrasoundImage(np.zeros((50, 100), np.uint8), spacing=(0.1, 0.2))
    item = labelled(Sample(image, key="k", dataset="s", split="train", organ="", structures=(structure,), report="Left."), 200)
    np.testing.assert_allclose(item.boxes, [[20, 90, 60, 130]])
    np.testing.assert_allclose(item.keypoints, [[40, 110]])
    assert item.spacing == Spacing(0.05, 0.1)
    assert item.report == "Left."
    bare = labelled(phantom_sample(0, size=64, scene="empty"), 64)
    assert bare.boxes.shape == (0, 4)
    assert bare.keypoints.shape == (0, 2)


def test_overlays_are_found_and_painted_over() -> None:
    clean = phantom_sample(2, size=256, scene="empty").image.pixels // 2
    drawn, marks = clean.copy(), np.zeros_like(clean)
    for layer in (drawn, marks):
        cv2.putText(layer, "MASS 1", (90, 120), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 255, 1)
        cv2.drawMarker(layer, (150, 180), 255, cv2.MARKER_CROSS, 9)
    found = find_overlay(drawn, 215)
    assert found[marks > 200].mean() > 0.95  # the rest is their soft edge
    assert found[marks == 0].mean() < 0.01
    painted = RemoveOverlay(p=1)(image=drawn)["image"]
    error = np.abs(painted.astype(int) - clean)[marks > 0].mean()
    assert error < 0.2 * np.abs(drawn.astype(int) - clean)[marks > 0].mean()
    coloured = np.stack([clean] * 3, -1)
    coloured[60:64, 60:90] = (250, 220, 0)
    assert find_overlay(coloured, 215)[60:64, 60:90].all()
