"""Dynamic convolution: 1 x 1 layers whose weights are predicted for each instance (CondInst, Tian et al., ECCV 2020)."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


class DynamicConvolution(nn.Module):
    """Three 1 x 1 layers with ReLU between; every instance brings its own weights.

    Args:
        inputs: Input channels.
        hidden: Channels between the layers.
    """

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.shapes = ((hidden, inputs), (hidden, hidden), (1, hidden))
        self.num_parameters = sum(rows * (columns + 1) for rows, columns in self.shapes)

    def forward(self, kernels: Float[Tensor, "n p"], features: Float[Tensor, "n c h w"]) -> Float[Tensor, "n h w"]:
        """Run every instance's kernels over its features, all instances at once."""
        x = features.flatten(2)  # (N, C, H*W)
        start = 0
        for depth, (rows, columns) in enumerate(self.shapes):
            weight = kernels[:, start : start + rows * columns].reshape(-1, rows, columns)
            start += rows * columns
            bias = kernels[:, start : start + rows, None]
            start += rows
            x = torch.baddbmm(bias, weight, x)  # (N, rows, H*W)
            x = x.relu_() if depth < len(self.shapes) - 1 else x
        return x.reshape(-1, *features.shape[-2:])  # (N, H, W)


def controller(inputs: int, outputs: int) -> nn.Linear:
    """Linear map from a state to kernels, initialised N(0, 0.01) as in CondInst."""
    layer = nn.Linear(inputs, outputs)
    nn.init.normal_(layer.weight, std=0.01)
    nn.init.zeros_(layer.bias)
    return layer


def of_images(maps: Float[Tensor, "b c h w"], rows: Int[Tensor, "n"]) -> Float[Tensor, "n c h w"]:
    """The maps of each row's image; a view, without a copy, where there is one image only."""
    return maps.expand(len(rows), -1, -1, -1) if len(maps) == 1 else maps[rows]


def relative_coordinates(points: Float[Tensor, "n 2"], height: int, width: int) -> Float[Tensor, "n 2 h w"]:
    """Offsets of every cell centre from a point, x then y, with the map spanning 2.

    Args:
        points: xy in units of the map's side, 0..1.
        height: Rows of the map.
        width: Columns of the map.
    """
    xs = (torch.arange(width, device=points.device) + 0.5) / width
    ys = (torch.arange(height, device=points.device) + 0.5) / height
    dx = (xs[None] - points[:, :1]).mul(2)[:, None, :].expand(-1, height, -1)
    dy = (ys[None] - points[:, 1:]).mul(2)[:, :, None].expand(-1, -1, width)
    return torch.stack([dx, dy], 1)
