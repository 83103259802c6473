"""How likely the language head finds a response that was put to it."""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor

from umind.tokens.slots import IGNORED


def response_likelihoods(
    logits: Float[Tensor, "b l v"], labels: Int[Tensor, "b l"], block_ids: Int[Tensor, "b l"]
) -> Float[Tensor, "b k"]:
    """Log-likelihood of each block's response, its end included; 0 for a block without one."""
    asked = labels != IGNORED
    chosen = logits[asked].float().log_softmax(-1).gather(-1, labels[asked][:, None])[:, 0]
    totals = chosen.new_zeros(len(labels), int(block_ids.max()) + 1)
    return totals.index_put((asked.nonzero()[:, 0], block_ids[asked]), chosen, accumulate=True)[:, 1:]
