"""Letterbox and its inverse."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from umind.geometry.frame import FrameMap

sides = st.integers(1, 4000)
sizes = st.sampled_from([64, 224, 256, 384, 1024])


@given(height=sides, width=sides, size=sizes, seed=st.integers(0, 2**16))
def test_round_trip(height: int, width: int, size: int, seed: int) -> None:
    frame = FrameMap.letterbox(height, width, size)
    points = np.random.default_rng(seed).random((20, 2)) * [width, height]
    np.testing.assert_allclose(frame.to_source(frame.to_model(points)), points, atol=1e-6)


@given(height=sides, width=sides, size=sizes)
def test_letterbox_is_the_largest_centred_copy(height: int, width: int, size: int) -> None:
    frame = FrameMap.letterbox(height, width, size)
    corners = frame.to_model(np.array([[0, 0], [width, height]], float))
    assert corners.min() >= -1e-6
    assert corners.max() <= size + 1e-6
    np.testing.assert_allclose(corners.mean(0), size / 2)
    np.testing.assert_allclose(np.ptp(corners, 0).max(), size)
    np.testing.assert_allclose(np.ptp(corners, 0) * max(height, width), np.array([width, height]) * size)


@settings(max_examples=40)
@given(
    height=st.integers(40, 700), width=st.integers(40, 700), size=st.sampled_from([128, 256, 384]), seed=st.integers(0, 2**16)
)
def test_matrix_agrees_with_points(height: int, width: int, size: int, seed: int) -> None:
    """A bright spot warped with ``matrix`` lands where ``to_model`` says, within half a model pixel."""
    frame = FrameMap.letterbox(height, width, size)
    point = np.random.default_rng(seed).uniform(0.3, 0.7, 2) * [width, height]
    sigma = max(2.0, 2 / frame.scale)  # wide enough for a bilinear warp to see it when it shrinks
    xs, ys = np.arange(width) + 0.5, np.arange(height) + 0.5
    spot = np.exp(-((xs[None] - point[0]) ** 2 + (ys[:, None] - point[1]) ** 2) / (2 * sigma**2)).astype(np.float32)
    landed = centroid(cv2.warpAffine(spot, frame.matrix, (size, size), flags=cv2.INTER_LINEAR))
    started = frame.to_model(centroid(spot))
    assert np.abs(landed - started).max() < 0.5


def test_matrix_of_an_upscale_is_exact() -> None:
    """A lone bright pixel, four times enlarged: the centroid is off by no more than OpenCV's 1/32 grid."""
    frame = FrameMap.letterbox(32, 48, 192)
    pixels = np.zeros((32, 48), np.float32)
    pixels[10, 30] = 1
    landed = centroid(cv2.warpAffine(pixels, frame.matrix, (192, 192)))
    np.testing.assert_allclose(landed, frame.to_model(np.array([30.5, 10.5])), atol=1 / 16)


def test_leading_axes_are_kept() -> None:
    frame = FrameMap.letterbox(100, 200, 50)
    assert frame.to_model(np.zeros((3, 4, 2))).shape == (3, 4, 2)
    np.testing.assert_allclose(frame.to_model(np.array([0.0, 0.0])), [0, 12.5])


def test_a_planted_half_pixel_is_seen() -> None:
    """The check above would see a matrix that forgets that pixel centres are at +0.5."""
    frame = FrameMap.letterbox(32, 48, 192)
    wrong = np.array([[frame.scale, 0, frame.offset_x], [0, frame.scale, frame.offset_y]])
    pixels = np.zeros((32, 48), np.float32)
    pixels[10, 30] = 1
    landed = centroid(cv2.warpAffine(pixels, wrong, (192, 192)))
    assert np.abs(landed - frame.to_model(np.array([30.5, 10.5]))).max() == pytest.approx(1.5, abs=0.1)


def centroid(image: np.ndarray) -> np.ndarray:
    weights = image.astype(np.float64)
    xs, ys = np.arange(image.shape[1]) + 0.5, np.arange(image.shape[0]) + 0.5
    return np.array([weights.sum(0) @ xs, weights.sum(1) @ ys]) / weights.sum()
