import numpy as np
import pytest

from umind.processor.letterbox import letterbox, normalise


@pytest.mark.parametrize(("height", "width"), [(40, 100), (100, 40), (64, 64), (17, 33), (1, 50), (700, 300)])
def test_shape_and_centred_bands(height: int, width: int) -> None:
    square, frame = letterbox(np.full((height, width), 200, np.uint8), 64)
    assert square.shape == (64, 64)
    assert square.dtype == np.uint8
    x, y = frame.to_source(np.stack(np.meshgrid(np.arange(64) + 0.5, np.arange(64) + 0.5), -1)).transpose(2, 0, 1)
    margin = np.minimum.reduce([x, width - x, y, height - y])  # source pixels between a place and the nearest edge
    assert (square[margin >= 0.55] == 200).all()  # bilinear: all four neighbours are inside
    assert (square[margin <= -0.55] == 0).all()
    assert (margin <= -0.55).any() == (height != width)


def test_same_size_is_unchanged() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    square, frame = letterbox(pixels, 64)
    assert np.array_equal(square, pixels)
    assert frame.scale == 1


@pytest.mark.parametrize(("height", "width"), [(200, 300), (90, 50), (128, 128)])
def test_a_bright_spot_lands_where_the_map_says(height: int, width: int) -> None:
    x, y = 0.3 * width, 0.6 * height
    ys, xs = np.mgrid[:height, :width] + 0.5
    spot = np.exp(-0.5 * ((xs - x) ** 2 + (ys - y) ** 2) / (width / 20) ** 2)
    square, frame = letterbox(np.rint(255 * spot).astype(np.uint8), 64)
    weights = square / square.sum()
    rows, columns = np.mgrid[:64, :64] + 0.5
    found = np.array([(weights * columns).sum(), (weights * rows).sum()])
    np.testing.assert_allclose(found, frame.to_model(np.array([x, y])), atol=0.1)


def test_shrinking_leaves_no_moire() -> None:
    stripes = np.tile(np.array([0, 255], np.uint8), (256, 128))  # alternate columns, far above the new sampling
    square, _ = letterbox(stripes, 64)
    assert square[8:-8, 8:-8].std() < 2


def test_normalise() -> None:
    values = normalise(np.array([[[0, 255]]], np.uint8))
    assert values.dtype == np.float32
    np.testing.assert_allclose(values, [[[-1, 3]]], atol=1e-6)
