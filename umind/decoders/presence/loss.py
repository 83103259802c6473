"""Loss of presence."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F


def presence_loss(logits: Float[Tensor, "r"], present: Float[Tensor, "r"]) -> Float[Tensor, ""]:
    """Binary cross-entropy; real negatives are questions about what is known not to be there."""
    return F.binary_cross_entropy_with_logits(logits, present)
