"""State of a ``[KPT]`` token and an instance to a heatmap, and a heatmap to a point with its covariance."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from umind.decoders.dynamic import DynamicConvolution, controller

MIN_SIDE = 1 / 64
"""Sides of a box, in units of the image's side, are taken for no shorter than this."""


@dataclass(frozen=True, eq=False)
class PointOutput:
    """What the ``[KPT]`` tokens give: P pairs of a token and an instance of the region token before it.

    Args:
        tokens: Token of each pair, in the order of ``find_slots``, ``(P,)``.
        instances: Instance of each pair, in the order of the regions' instances, ``(P,)``.
        heatmaps: Logits, ``(P, S/4, S/4)``.
    """

    tokens: Int[Tensor, "p"]
    instances: Int[Tensor, "p"]
    heatmaps: Float[Tensor, "p h w"]


class KeypointHead(nn.Module):
    """Dynamic convolution gives one heatmap for each named point of each instance.

    The token says which point, the instance says of what; coordinates count from the instance's box in units of its sides.

    Args:
        hidden_size: Width of the language model.
        instance_size: Width of the instance vector.
        mask_channels: Channels of the mask features.
        kernel_channels: Channels inside the dynamic convolutions.
    """

    def __init__(self, hidden_size: int, instance_size: int, mask_channels: int, kernel_channels: int) -> None:
        super().__init__()
        self.convolve = DynamicConvolution(mask_channels, kernel_channels)
        self.embed = nn.Sequential(nn.Linear(hidden_size + instance_size, hidden_size), nn.ReLU())
        self.controller = controller(hidden_size, self.convolve.num_parameters)

    def forward(
        self,
        states: Float[Tensor, "k d"],
        instances: Float[Tensor, "k i"],
        boxes: Float[Tensor, "k 4"],
        mask_features: Float[Tensor, "b c h w"],
        rows: Int[Tensor, "k"],
    ) -> Float[Tensor, "k h w"]:
        """Heatmap logits of each point; a softmax over the cells makes them a distribution.

        Args:
            states: Hidden state of each point's token.
            instances: Vector of the instance that it belongs to.
            boxes: xyxy of that instance in units of the image's side.
            mask_features: Features of the images.
            rows: Image of each point.
        """
        kernels = self.controller(self.embed(torch.cat([states, instances], 1)))
        corners = boxes.reshape(-1, 2, 2)
        sides = (corners[:, 1] - corners[:, 0]).clamp(min=MIN_SIDE)
        heatmaps: Float[Tensor, "k 1 h w"] = self.convolve(kernels, mask_features, rows, corners.mean(1), sides)
        return heatmaps[:, 0]


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
