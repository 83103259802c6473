"""Box of an instance: distances from its centre to the four edges (FCOS, Tian et al., ICCV 2019)."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


class BoxHead(nn.Module):
    """Distances to left, top, right and bottom, always positive.

    Args:
        instance_size: Width of the instance vector.
    """

    def __init__(self, instance_size: int) -> None:
        super().__init__()
        first, last = nn.Linear(instance_size, instance_size), nn.Linear(instance_size, 4)
        nn.init.constant_(last.bias, -2.0)  # softplus(-2) = 0.13 of the image: a common lesion
        self.layers = nn.Sequential(first, nn.ReLU(), last)

    def forward(self, instances: Float[Tensor, "m d"], points: Float[Tensor, "m 2"]) -> Float[Tensor, "m 4"]:
        """Boxes xyxy in units of the image's side."""
        distances = functional.softplus(self.layers(instances))
        return torch.cat([points - distances[:, :2], points + distances[:, 2:]], 1)
