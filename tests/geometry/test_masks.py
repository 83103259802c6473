"""Logits back to source pixels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from umind.geometry.boxes import box_of_mask
from umind.geometry.frame import FrameMap
from umind.geometry.masks import area_of_mask, resize_logits
from umind.geometry.spacing import Spacing


@settings(max_examples=60)
@given(
    height=st.integers(60, 1000),
    width=st.integers(60, 1000),
    grid=st.sampled_from([64, 128, 256]),
    stride=st.sampled_from([1, 2, 4]),
    seed=st.integers(0, 2**16),
)
def test_disc_keeps_its_area_and_place(height: int, width: int, grid: int, stride: int, seed: int) -> None:
    frame = FrameMap.letterbox(height, width, grid * stride)
    draw = np.random.default_rng(seed)
    radius = draw.uniform(0.2, 0.45) * min(height, width)  # in source pixels
    if radius * frame.scale / stride < 6:  # fewer than 6 cells: the grid itself cannot hold 2 %
        return
    centre = np.array([draw.uniform(radius, width - radius), draw.uniform(radius, height - radius)])
    logits = signed_distance(frame.to_model(centre), radius * frame.scale, grid, stride)
    mask = resize_logits(logits[None], frame)[0] > 0
    assert mask.shape == (height, width)
    assert mask.sum() == pytest.approx(np.pi * radius**2, rel=0.02)
    rows, columns = mask.nonzero()
    tolerance = 0.5 + 0.1 * stride / frame.scale
    np.testing.assert_allclose([columns.mean() + 0.5, rows.mean() + 0.5], centre, atol=tolerance)


def test_same_grid_is_left_alone() -> None:
    logits = np.random.default_rng(0).normal(size=(2, 48, 48)).astype(np.float32)
    np.testing.assert_allclose(resize_logits(logits, FrameMap.letterbox(48, 48, 48)), logits, atol=1e-5)


def test_equals_a_bilinear_loop() -> None:
    logits = np.random.default_rng(1).normal(size=(1, 16, 16)).astype(np.float32)
    frame = FrameMap.letterbox(37, 53, 64)
    got = resize_logits(logits, frame)[0]
    want = np.empty_like(got)
    for row in range(37):
        for column in range(53):
            x, y = frame.to_model(np.array([column + 0.5, row + 0.5])) / 4 - 0.5
            x0, y0 = int(np.floor(x)), int(np.floor(y))
            fx, fy = x - x0, y - y0
            at = lambda i, j: logits[0, np.clip(i, 0, 15), np.clip(j, 0, 15)]  # noqa: E731
            top = at(y0, x0) * (1 - fx) + at(y0, x0 + 1) * fx
            bottom = at(y0 + 1, x0) * (1 - fx) + at(y0 + 1, x0 + 1) * fx
            want[row, column] = top * (1 - fy) + bottom * fy
    # OpenCV before 5 rounds positions to 1/32 of a cell, worth up to a sixtieth of the difference of two neighbours.
    np.testing.assert_allclose(got, want, atol=0.15)
    assert np.abs(got - want).mean() < 0.02


def test_no_masks_have_the_source_size() -> None:
    assert resize_logits(np.zeros((0, 16, 16), np.float32), FrameMap.letterbox(30, 40, 64)).shape == (0, 30, 40)


@given(height=st.integers(1, 40), width=st.integers(1, 40), top=st.integers(0, 10), left=st.integers(0, 10))
def test_box_of_n_pixels_measures_n(height: int, width: int, top: int, left: int) -> None:
    mask = np.zeros((60, 70), bool)
    mask[top : top + height, left : left + width] = True
    assert box_of_mask(mask).tolist() == [left, top, left + width, top + height]
    assert area_of_mask(mask) == height * width
    assert area_of_mask(mask, Spacing(0.5, 0.2)) == pytest.approx(height * width * 0.1)


def signed_distance(centre: np.ndarray, radius: float, grid: int, stride: int) -> np.ndarray:
    """Positive inside a disc given in model pixels, sampled at the centres of a coarser grid's cells."""
    cells = (np.arange(grid) + 0.5) * stride
    return (radius - np.hypot(cells[None] - centre[0], cells[:, None] - centre[1])).astype(np.float32)
