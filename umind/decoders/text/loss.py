"""Loss of words; their head is the language model's own."""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional


def text_loss(logits: Float[Tensor, "n v"], next_ids: Int[Tensor, "n"]) -> Float[Tensor, ""]:
    """Cross-entropy of the next token over the responses; zero without any."""
    if not len(logits):
        return logits.sum()
    return functional.cross_entropy(logits, next_ids)
