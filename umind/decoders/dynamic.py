"""Dynamic convolution: 1 x 1 layers whose weights are predicted for each instance (CondInst, Tian et al., ECCV 2020)."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from umind.backbone.pixels import with_coordinates


class DynamicConvolution(nn.Module):
    """Three 1 x 1 layers with ReLU between over features and relative coordinates; every instance brings its own weights.

    The coordinates x and y of a cell, in -1..1, count from the instance's origin in units of its scale. The first layer is
    linear, so the origin goes into its bias and the scale into its weights: the features of an image serve all of its
    instances as they are. And ReLU(x + b) is max(x, -b) + b, so every bias moves on into the next layer's and none is
    spread over a map before its product is added.

    Args:
        channels: Channels of the features, without the coordinates.
        hidden: Channels between the layers.
        outputs: Maps of each instance.
    """

    def __init__(self, channels: int, hidden: int, outputs: int = 1) -> None:
        super().__init__()
        self.shapes = ((hidden, channels + 2), (hidden, hidden), (outputs, hidden))
        self.num_parameters = sum(rows * (columns + 1) for rows, columns in self.shapes)

    def forward(
        self,
        kernels: Float[Tensor, "n p"],
        features: Float[Tensor, "b c h w"],
        rows: Int[Tensor, "n"],
        origins: Float[Tensor, "n 2"],
        scales: Float[Tensor, "n 2"] | None = None,
    ) -> Float[Tensor, "n o h w"]:
        """Run every instance's kernels over its image's features, all instances at once.

        Args:
            kernels: Weights and biases of the three layers.
            features: Features of the images.
            rows: Image of each instance.
            origins: xy in units of the map's side, 0..1.
            scales: Lengths along x and y in the same unit that count as 1; half the map when None.
        """
        (w1, b1), (w2, b2), (w3, b3) = self.layers(kernels)
        across = w1[..., -2:] if scales is None else w1[..., -2:] / (2 * scales[:, None])  # (N, rows, 2)
        b1 = b1 - torch.bmm(across, (2 * origins - 1)[..., None])
        w1 = torch.cat([w1[..., :-2], across], 2)
        x = project(with_coordinates(features), w1, rows).clamp_(min=-b1)  # (N, hidden, H*W)
        b2 = torch.baddbmm(b2, w2, b1)
        x = torch.bmm(w2, x).clamp_(min=-b2)
        b3 = torch.baddbmm(b3, w3, b2)
        return torch.baddbmm(b3, w3, x).reshape(*b3.shape[:2], *features.shape[-2:])  # (N, outputs, H, W)

    def layers(self, kernels: Float[Tensor, "n p"]) -> list[tuple[Float[Tensor, "n o i"], Float[Tensor, "n o 1"]]]:
        """Weights and biases of each layer."""
        sizes = [size for rows, columns in self.shapes for size in (rows * columns, rows)]
        parts = torch.split(kernels, sizes, 1)
        return [
            (weight.reshape(-1, rows, columns), bias[..., None])
            for (rows, columns), weight, bias in zip(self.shapes, parts[::2], parts[1::2], strict=True)
        ]


def controller(inputs: int, outputs: int) -> nn.Linear:
    """Linear map from a state to kernels, initialised N(0, 0.01) as in CondInst."""
    layer = nn.Linear(inputs, outputs)
    nn.init.normal_(layer.weight, std=0.01)
    nn.init.zeros_(layer.bias)
    return layer


def project(maps: Float[Tensor, "b c h w"], weight: Float[Tensor, "n o c"], rows: Int[Tensor, "n"]) -> Float[Tensor, "n o hw"]:
    """A 1 x 1 layer of its own for each of N over its image's maps; one matrix product where there is one image only."""
    if len(maps) == 1:
        flat = weight.flatten(0, 1) @ maps[0].flatten(1)  # (N*O, H*W)
        return flat.reshape(*weight.shape[:2], flat.shape[1])
    return torch.bmm(weight, maps.index_select(0, rows).flatten(2))


def pool(maps: Float[Tensor, "b c h w"], shares: Float[Tensor, "n h w"], rows: Int[Tensor, "n"]) -> Float[Tensor, "n c"]:
    """Weighted sum of its image's maps for each of N."""
    if len(maps) == 1:
        return shares.flatten(1) @ maps[0].flatten(1).T
    return torch.bmm(maps.index_select(0, rows).flatten(2), shares.flatten(1)[..., None])[..., 0]


def sample(maps: Float[Tensor, "b c h w"], points: Float[Tensor, "n 2"], rows: Int[Tensor, "n"]) -> Float[Tensor, "n c"]:
    """Bilinear reading of its image's maps at each of N points, xy in units of the map's side."""
    grid = (points * 2 - 1)[:, None, None]
    if len(maps) == 1:
        return functional.grid_sample(maps, grid.transpose(0, 1), align_corners=False, padding_mode="border")[0, :, :, 0].T
    return functional.grid_sample(maps.index_select(0, rows), grid, align_corners=False, padding_mode="border")[..., 0, 0]
