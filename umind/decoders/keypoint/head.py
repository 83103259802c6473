"""State of a ``[KPT]`` token to a heatmap, and a heatmap to a point with its covariance."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from umind.backbone.pixels import with_coordinates
from umind.decoders.dynamic import DynamicConvolution, controller, of_images


class KeypointHead(nn.Module):
    """Dynamic convolution on mask features and absolute coordinates gives one heatmap for each named point.

    Args:
        hidden_size: Width of the language model.
        mask_channels: Channels of the mask features.
        kernel_channels: Channels inside the dynamic convolutions.
    """

    def __init__(self, hidden_size: int, mask_channels: int, kernel_channels: int) -> None:
        super().__init__()
        self.convolve = DynamicConvolution(mask_channels + 2, kernel_channels)
        self.embed = nn.Sequential(nn.Linear(hidden_size, hidden_size), nn.ReLU())
        self.controller = controller(hidden_size, self.convolve.num_parameters)

    def forward(
        self, states: Float[Tensor, "k d"], mask_features: Float[Tensor, "b c h w"], rows: Int[Tensor, "k"]
    ) -> Float[Tensor, "k h w"]:
        """Heatmap logits of each point; a softmax over the cells makes them a distribution."""
        kernels = self.controller(self.embed(states))
        heatmaps: Float[Tensor, "k h w"] = self.convolve(kernels, of_images(with_coordinates(mask_features), rows))
        return heatmaps


def read_points(
    heatmaps: Float[Tensor, "k h w"], window: int = 3
) -> tuple[Float[Tensor, "k 2"], Float[Tensor, "k 2 2"], Float[Tensor, "k"]]:
    """Sub-pixel position, covariance and score of each heatmap.

    The position is the mean of the distribution within ``window`` cells of its mode, so that a second mode elsewhere does
    not pull it away; the covariance is taken around it over the whole map, so that a second mode does widen it.

    Returns:
        xy and its covariance, in units of the map's side, and the share of the distribution inside the window.
    """
    height, width = heatmaps.shape[-2:]
    probability = heatmaps.flatten(1).softmax(1)  # (K, H*W)
    ys, xs = torch.meshgrid(
        torch.arange(height, device=heatmaps.device), torch.arange(width, device=heatmaps.device), indexing="ij"
    )
    cells = torch.stack([xs, ys], -1).flatten(0, 1).to(probability.dtype)  # (H*W, 2)
    mode = cells[probability.argmax(1)]  # (K, 2)
    near = ((cells[None] - mode[:, None]).abs() <= window).all(-1)
    local = probability * near
    score = local.sum(1)
    mean = (local / score[:, None].clamp(min=1e-9)) @ cells  # (K, 2)
    offset = cells[None] - mean[:, None]
    covariance = torch.einsum("kn,kni,knj->kij", probability, offset, offset)
    size = torch.tensor([width, height], device=heatmaps.device)
    return (mean + 0.5) / size, covariance / (size[:, None] * size), score
