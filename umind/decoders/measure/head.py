"""A ``[MEAS]`` token's instance is a region; this head says how far its two axes may be off."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn


class SpreadHead(nn.Module):
    """Log of the relative standard deviation of the long and the short axis.

    Args:
        instance_size: Width of the instance vector.
    """

    def __init__(self, instance_size: int) -> None:
        super().__init__()
        first, last = nn.Linear(instance_size, 64), nn.Linear(64, 2)
        nn.init.constant_(last.bias, -2.5)  # exp(-2.5) = 8 %
        self.layers = nn.Sequential(first, nn.ReLU(), last)

    def forward(self, instances: Float[Tensor, "m d"]) -> Float[Tensor, "m 2"]:
        """One pair for each instance, long axis first, kept in 0.3 % .. 100 %."""
        return self.layers(instances).clamp(-6.0, 0.0)  # type: ignore[no-any-return]
