"""Loss of presence."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional


def presence_loss(logits: Float[Tensor, "r"], present: Float[Tensor, "r"]) -> Float[Tensor, ""]:
    """Binary cross-entropy; real negatives are questions about what is known not to be there; zero without questions."""
    if not len(logits):
        return logits.sum()
    return functional.binary_cross_entropy_with_logits(logits, present)
