"""Every transform: what is known of an image goes where the pixels go."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from augment_views import EVERY, FACTS, GEOMETRIC, PHOTOMETRIC, blank, centroid, disc, phantom_item, scanned, whole
from hypothesis import given, settings
from hypothesis import strategies as st

from umind.data.augment import augment, build_augmentation, compose, ellipse_of_axis_ends
from umind.data.augment.frame import linear_part, moved_spacing
from umind.data.augment.laterality import mirror_words
from umind.data.labelled import Labelled
from umind.geometry.boxes import box_of_mask
from umind.geometry.ellipse import Ellipse, ellipse_of_mask
from umind.geometry.spacing import Spacing
from umind.schema.sample import Exchange

SIZES = st.integers(64, 320)
SEEDS = st.integers(0, 2**20)
PLACES = st.floats(0.3, 0.7)


@pytest.mark.parametrize("name", GEOMETRIC)
@settings(max_examples=25)
@given(seed=SEEDS, size=SIZES, u=PLACES, v=PLACES)
def test_labels_boxes_and_points_follow(name: str, seed: int, size: int, u: float, v: float) -> None:
    item, x, y = phantom_item(seed % 40, size), u * size, v * size
    marker = disc(x, y, 0.07 * size, size)
    pixels = np.where(marker, 255, item.pixels // 4)  # nothing else is as bright
    corners = box_of_mask(marker).astype(int)
    frame = np.zeros_like(marker)
    frame[corners[1] : corners[3], corners[0] : corners[2]] = True
    points = centroid(marker) + np.array([[0, 0], [10, 0], [0, 10]])
    labels = np.where(marker, 2, frame).astype(np.uint8)
    boxes = corners[None].astype(np.float32)
    item = Labelled(pixels, labels, FACTS, boxes=boxes, keypoints=points.astype(np.float32))
    view = augment(item, compose([GEOMETRIC[name]()]), np.random.default_rng(seed))
    seen, box = view.labels == 2, view.labels > 0
    growth = abs(np.linalg.det(np.diff(view.keypoints, axis=0)) / np.linalg.det(np.diff(points, axis=0)))
    if not whole(box) or seen.sum() < 0.95 * growth * marker.sum() or box.sum() < 0.95 * growth * frame.sum():
        return  # cut by the canvas or by the new sector
    scale = np.sqrt(growth)
    np.testing.assert_allclose(centroid(view.pixels > 180), centroid(seen), atol=1)
    np.testing.assert_allclose(view.keypoints[0], centroid(seen), atol=0.75)
    np.testing.assert_allclose(view.boxes[0], box_of_mask(box), atol=1 + scale)


@pytest.mark.parametrize("name", GEOMETRIC)
def test_most_views_keep_the_marker(name: str) -> None:
    kept = 0
    for seed in range(40):
        item = replace(phantom_item(seed, 96), labels=disc(48, 48, 7, 96).astype(np.uint8))
        kept += whole(augment(item, compose([GEOMETRIC[name]()]), np.random.default_rng(seed)).labels > 0)
    assert kept > 30  # so the test above does look at something


@pytest.mark.parametrize("name", [*PHOTOMETRIC, "holes"])
@settings(max_examples=12)
@given(seed=SEEDS, size=SIZES)
def test_effects_leave_labels_and_black_alone(name: str, seed: int, size: int) -> None:
    scene = ("head", "lesions", "vessel", "empty")[seed % 4]
    stage, pixels = scanned(seed % 40, size, scene)
    labels = disc(size / 2, size / 2, size / 5, size).astype(np.uint8)
    boxes, points = np.array([[3, 5, 40, 50]], np.float32), np.array([[8.5, 9], [np.nan, np.nan]], np.float32)
    item = Labelled(pixels, labels, FACTS, boxes=boxes, keypoints=points, spacing=Spacing(0.2, 0.3))
    view = augment(item, compose([EVERY[name]()]), np.random.default_rng(seed))
    assert view.pixels.dtype == np.uint8
    assert view.pixels.shape == pixels.shape
    np.testing.assert_array_equal(view.labels, labels)
    np.testing.assert_allclose(view.boxes, boxes, atol=1e-3)
    np.testing.assert_allclose(view.keypoints, points, atol=1e-4)
    assert view.spacing is not None
    assert (view.spacing.dy, view.spacing.dx) == pytest.approx((0.2, 0.3))
    if name == "overlay":  # which paints over what is burned into the surround
        return
    reach = 2 if name == "haze" else 0  # it is laid over an estimate of the field of view, the others over what is not black
    inside = cv2.dilate(stage.converter.inside.astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    touched = view.pixels[(inside == 0) & (pixels == 0)] > 0
    assert touched.sum() <= (0.002 * pixels.size if name == "haze" else 0)  # text that adjoins the field counts as part of it


@pytest.mark.parametrize("name", EVERY)
def test_a_seed_decides_a_view(name: str) -> None:
    for size in (64, 101, 320):
        item = phantom_item(size, size)
        first, again = (augment(item, compose([EVERY[name]()]), np.random.default_rng(3)) for _ in range(2))
        np.testing.assert_array_equal(first.pixels, again.pixels)
        np.testing.assert_array_equal(first.labels, again.labels)
        assert first.spacing == again.spacing
        assert first.pixels.shape == first.labels.shape == (size, size)
    others = [augment(item, compose([EVERY[name]()]), np.random.default_rng(seed)).pixels for seed in range(3)]
    changes = any(not np.array_equal(other, item.pixels) for other in others)
    assert changes or name == "overlay"  # an image without strokes stays


@pytest.mark.parametrize("name", EVERY)
def test_colour_and_black_images(name: str) -> None:
    transform = EVERY[name]()
    grey = phantom_item(5, 96, "head").pixels
    for image in (np.stack([grey] * 3, -1), grey, grey[..., None], np.zeros_like(grey)):
        transform.set_random_seed(1)
        view = transform(image=image)["image"]
        assert view.shape == image.shape
        assert view.dtype == np.uint8
        assert image.any() or not view.any()


@settings(max_examples=40)
@given(seed=SEEDS, dx=st.floats(0.05, 1), angle=st.floats(0, 6.28))
def test_lengths_in_millimetres_are_kept(seed: int, dx: float, angle: float) -> None:
    item = phantom_item(seed % 30, 128)
    ends = 64 + np.outer([-20, 20], [np.cos(angle), np.sin(angle)])
    for name in ("sector view", "crop", "flip"):
        even = replace(item, keypoints=ends.astype(np.float32), spacing=Spacing(dx, dx))
        view = augment(even, compose([GEOMETRIC[name]()]), np.random.default_rng(seed))
        assert view.spacing is not None
        assert view.spacing.is_square
        assert np.linalg.norm(np.ptp(view.keypoints, 0)) * view.spacing.dx == pytest.approx(40 * dx, rel=1e-3)
    for name in ("crop", "flip"):
        uneven = replace(even, spacing=Spacing(0.4, dx))
        view = augment(uneven, compose([GEOMETRIC[name]()]), np.random.default_rng(seed))
        assert view.spacing is not None
        across, down = np.ptp(view.keypoints, 0)
        before = np.ptp(even.keypoints, 0)
        expected = np.hypot(before[0] * dx, before[1] * 0.4)
        assert np.hypot(across * view.spacing.dx, down * view.spacing.dy) == pytest.approx(expected, rel=1e-3)


def spaced(spacing: Spacing, linear: np.ndarray) -> tuple[float, float] | None:
    moved = moved_spacing(spacing, linear)
    return moved and (moved.dy, moved.dx)


def test_spacing_ends_where_it_has_to() -> None:
    square, oblong = Spacing(0.2, 0.2), Spacing(0.2, 0.3)
    turn, quarter = np.array([[0.8, -0.6], [0.6, 0.8]]), np.array([[0, -1.0], [1, 0]])
    assert spaced(square, 2 * turn) == pytest.approx((0.1, 0.1))
    assert spaced(square, quarter) == pytest.approx((0.2, 0.2))
    assert spaced(oblong, np.diag([2.0, 0.5])) == pytest.approx((0.4, 0.15))
    assert spaced(oblong, quarter) == pytest.approx((0.3, 0.2))
    assert spaced(oblong, turn) is None
    assert spaced(square, np.array([[1, 0.2], [0, 1.0]])) is None
    assert moved_spacing(None, turn) is None
    assert moved_spacing(square, None) is None
    grid = np.stack(np.meshgrid([0.0, 10, 20], [0.0, 10, 20]), -1).reshape(-1, 2)
    np.testing.assert_allclose(linear_part(grid, grid @ turn.T + 3), turn, atol=1e-12)
    assert linear_part(grid, grid + 0.01 * grid**2) is None


@settings(max_examples=40)
@given(seed=SEEDS, angle=st.floats(-1.5, 1.5), ratio=st.floats(0.3, 0.95))
def test_ellipses_travel_by_their_axis_ends(seed: int, angle: float, ratio: float) -> None:
    ellipse = Ellipse(128.0, 120.0, 36.0, 36 * ratio, angle)
    ends = np.concatenate([ellipse.long_axis, ellipse.short_axis])
    ys, xs = np.mgrid[:256, :256] + 0.5
    along = (xs - 128) * np.cos(angle) + (ys - 120) * np.sin(angle)
    across = (ys - 120) * np.cos(angle) - (xs - 128) * np.sin(angle)
    mask = (along / 36) ** 2 + (across / (36 * ratio)) ** 2 <= 1
    item = Labelled(blank(256), mask.astype(np.uint8), FACTS, keypoints=ends.astype(np.float32))
    view = augment(item, compose([GEOMETRIC["affine"]()]), np.random.default_rng(seed))
    if not whole(view.labels > 0):
        return
    moved, seen = ellipse_of_axis_ends(view.keypoints), ellipse_of_mask(view.labels > 0)
    assert (moved.x, moved.y) == (pytest.approx(seen.x, abs=0.8), pytest.approx(seen.y, abs=0.8))
    assert (moved.semi_major, moved.semi_minor) == (
        pytest.approx(seen.semi_major, abs=0.8),
        pytest.approx(seen.semi_minor, abs=0.8),
    )


def test_words_are_mirrored_with_the_image_alone() -> None:
    said = Exchange("Which side?", answer="The left side.", options=("left", "right"))
    item = replace(phantom_item(0, 64), exchanges=(said,), report="Mass in the left breast.")
    flipped = augment(item, compose([GEOMETRIC["flip"]()]), np.random.default_rng(0))
    assert flipped.report == "Mass in the right breast."
    assert flipped.exchanges == (Exchange("Which side?", answer="The right side.", options=("right", "left")),)
    kept = augment(item, compose([GEOMETRIC["affine"]()]), np.random.default_rng(0))
    assert (kept.report, kept.exchanges) == (item.report, item.exchanges)
    seen = {augment(item, build_augmentation(), np.random.default_rng(seed)).report for seed in range(12)}
    assert seen == {item.report, mirror_words(item.report)}


def test_what_leaves_the_view_is_zeros() -> None:
    boxes = np.array([[1, 1, 9, 9], [40, 40, 60, 60]], np.float32)
    item = Labelled(blank(128), np.zeros((128, 128), np.uint8), FACTS, boxes=boxes)
    enlarged = compose([EVERY["affine"]().__class__(scale=(2, 2), p=1)])
    view = augment(item, enlarged, np.random.default_rng(0))
    np.testing.assert_array_equal(view.boxes[0], 0)
    np.testing.assert_allclose(view.boxes[1], [16, 16, 56, 56], atol=1e-2)
