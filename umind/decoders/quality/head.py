"""Instance vector to the IoU that its mask will have; 0 where there is no such instance."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn


class QualityHead(nn.Linear):
    """Logit of each instance's quality (Mask Scoring R-CNN, Huang et al., CVPR 2019).

    Args:
        instance_size: Width of the instance vector.
    """

    def __init__(self, instance_size: int) -> None:
        super().__init__(instance_size, 1)

    def forward(self, instances: Float[Tensor, "m d"]) -> Float[Tensor, "m"]:
        """One logit for each instance."""
        return super().forward(instances).squeeze(1)
