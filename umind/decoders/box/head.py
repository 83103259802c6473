"""Box of an instance: distances from its centre to the four edges (FCOS, Tian et al., ICCV 2019)."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


class BoxHead(nn.Module):
    """Distances to left, top, right and bottom, always positive.

    Args:
        instance_size: Width of the instance vector.
    """

    def __init__(self, instance_size: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(instance_size, instance_size), nn.ReLU(), nn.Linear(instance_size, 4))
        nn.init.constant_(self.layers[-1].bias, -2.0)  # softplus(-2) = 0.13 of the image: a common lesion

    def forward(self, instances: Float[Tensor, "m d"], points: Float[Tensor, "m 2"]) -> Float[Tensor, "m 4"]:
        """Boxes xyxy in units of the image's side."""
        distances = F.softplus(self.layers(instances))
        return torch.cat([points - distances[:, :2], points + distances[:, 2:]], 1)
