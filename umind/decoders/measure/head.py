"""A ``[MEAS]`` token's instance is a region; this head says how its lengths differ from those of the mask, and how surely."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Bool, Float
from torch import Tensor, nn

from umind.decoders.measure.lengths import LENGTHS


@dataclass(frozen=True, eq=False)
class LengthOutput:
    """About the ``LENGTHS`` of M instances.

    Args:
        log_scale: Log of the length over what the mask shows of it, ``(M, 4)``: masks round spicules off.
        log_spread: Log of the relative standard deviation, ``(M, 4)``.
    """

    log_scale: Float[Tensor, "m 4"]
    log_spread: Float[Tensor, "m 4"]

    def __len__(self) -> int:
        return len(self.log_scale)

    def __getitem__(self, index: Bool[Tensor, "m"]) -> LengthOutput:
        return LengthOutput(self.log_scale[index], self.log_spread[index])


class LengthHead(nn.Module):
    """Scale and spread of the lengths of instances.

    Args:
        instance_size: Width of the instance vector.
    """

    def __init__(self, instance_size: int) -> None:
        super().__init__()
        first, last = nn.Linear(instance_size, 64), nn.Linear(64, 2 * len(LENGTHS))
        nn.init.normal_(last.weight, std=0.01)
        nn.init.zeros_(last.bias)
        nn.init.constant_(last.bias[len(LENGTHS) :], -2.5)  # exp(-2.5) = 8 %
        self.layers = nn.Sequential(first, nn.ReLU(), last)

    def forward(self, instances: Float[Tensor, "m d"]) -> LengthOutput:
        """Scales within a factor of 1.65, spreads in 0.3 % .. 100 %."""
        scale, spread = self.layers(instances).chunk(2, 1)
        return LengthOutput(scale.clamp(-0.5, 0.5), spread.clamp(-6.0, 0.0))
