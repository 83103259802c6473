"""Boxes against torchvision."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.ops import box_iou, clip_boxes_to_image, masks_to_boxes

from umind.geometry.boxes import box_iou_xyxy, box_of_mask, boxes_of_masks, clip_boxes_xyxy


@given(first=st.integers(0, 6), second=st.integers(0, 6), seed=st.integers(0, 2**16))
def test_iou_equals_torchvision(first: int, second: int, seed: int) -> None:
    a, b = random_boxes(first, seed), random_boxes(second, seed + 1)
    want = box_iou(torch.from_numpy(a), torch.from_numpy(b)).numpy()
    np.testing.assert_allclose(box_iou_xyxy(a, b), want, atol=1e-6)


def test_iou_of_empty_boxes_is_zero() -> None:
    boxes = np.array([[0, 0, 0, 0], [5, 5, 5, 9], [0, 0, 10, 10]], np.float32)
    got = box_iou_xyxy(boxes, boxes)
    assert got[:2].max() == got[:, :2].max() == 0
    assert got[2, 2] == 1


def test_boxes_of_masks_equal_torchvision_but_for_the_edge() -> None:
    """torchvision gives the index of the last pixel, ours its far edge."""
    masks = np.zeros((3, 30, 40), bool)
    for mask, (top, left) in zip(masks, [(0, 0), (5, 20), (29, 39)], strict=True):
        mask[top : top + 7, left : left + 9] = True
    want = masks_to_boxes(torch.from_numpy(masks)).numpy() + np.array([0, 0, 1, 1])
    np.testing.assert_array_equal(boxes_of_masks(masks), want)


def test_empty() -> None:
    assert box_of_mask(np.zeros((4, 5), bool)).tolist() == [0, 0, 0, 0]
    assert boxes_of_masks(np.zeros((0, 4, 5), bool)).shape == (0, 4)


def test_clip_equals_torchvision() -> None:
    boxes = random_boxes(20, 3) * 3 - 50
    want = clip_boxes_to_image(torch.from_numpy(boxes), (60, 80)).numpy()
    np.testing.assert_array_equal(clip_boxes_xyxy(boxes, height=60, width=80), want)


def random_boxes(num: int, seed: int) -> np.ndarray:
    draw = np.random.default_rng(seed)
    corner, size = draw.uniform(0, 50, (num, 2)), draw.uniform(1, 60, (num, 2))
    return np.concatenate([corner, corner + size], 1).astype(np.float32)
