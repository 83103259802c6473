"""Our warp and our coordinate channels against the libraries that have them."""

import numpy as np
import pytest
import torch
from skimage.transform import resize
from torch.nn import functional
from torchvision.transforms.v2.functional import resize as torchvision_resize

from umind.backbone.pixels import with_coordinates
from umind.processor.letterbox import letterbox

TOLERANCE = 1.0
"""Grey levels of 255. OpenCV interpolates on a grid of 1/32 pixel and rounds twice to 8 bits, after blur
and after warp; skimage
and torchvision blur with other kernels, and the image below changes by up to 7 levels a pixel. Measured: 0.87 and 0.84."""


def smooth(height: int, width: int) -> np.ndarray:
    ys, xs = np.mgrid[:height, :width] / max(height, width)
    return np.rint(127 + 60 * np.sin(5 * xs + 1) + 60 * np.cos(7 * ys)).astype(np.uint8)


@pytest.mark.parametrize("side", [64, 100, 128, 200, 256, 400])
def test_letterbox_equals_skimage(side: int) -> None:
    pixels = smooth(side, side)
    ours, _ = letterbox(pixels, 128)
    theirs = resize(pixels, (128, 128), order=1, mode="edge", anti_aliasing=side > 128, preserve_range=True)
    assert np.abs(ours.astype(float) - theirs)[2:-2, 2:-2].max() < TOLERANCE  # at the rim ours blends with the black around it


@pytest.mark.parametrize(("height", "width"), [(64, 64), (200, 200), (256, 128), (150, 300)])
def test_letterbox_equals_torchvision(height: int, width: int) -> None:
    pixels = smooth(height, width)
    ours, frame = letterbox(pixels, 128)
    size = [round(height * frame.scale), round(width * frame.scale)]
    theirs = torchvision_resize(torch.from_numpy(pixels)[None].float(), size, antialias=True)[0].numpy()
    top, left = round(frame.offset_y), round(frame.offset_x)
    inside = ours[top : top + size[0], left : left + size[1]].astype(float)
    assert np.abs(inside - theirs)[2:-2, 2:-2].max() < TOLERANCE


def test_with_coordinates_equals_affine_grid() -> None:
    x = torch.randn(2, 3, 5, 9)
    grid = functional.affine_grid(torch.eye(2, 3).expand(2, -1, -1), [2, 1, 5, 9], align_corners=False)  # (B, H, W, 2)
    ours = with_coordinates(x)
    assert torch.equal(ours[:, :3], x)
    torch.testing.assert_close(ours[:, 3:], grid.permute(0, 3, 1, 2))
