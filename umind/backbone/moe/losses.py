"""What keeps the routers in shape: balanced load and small logits. Padding does not count."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.nn import functional

from umind.backbone.moe.router import Routing


def routing_losses(routings: Sequence[Routing], *, mask: Shaped[Tensor, "b l"] | None = None) -> dict[str, Float[Tensor, ""]]:
    """Both losses by name, unweighted, each the mean over the layers.

    transformers pools the layers before it multiplies, so that one layer's overload can cancel another's; here each layer has
    its own balance, as in Switch.

    Args:
        routings: From `record_routing`, of one forward.
        mask: 1 where a token counts, 0 where it is padding; None if all count.

    Raises:
        ValueError: Nothing was recorded.
    """
    if not routings:
        raise ValueError("no routing was recorded: the model has no experts, or its forward ran outside of record_routing")
    return {
        "balance": torch.stack([balance_loss(routing, mask) for routing in routings]).mean(),
        "router_z": torch.stack([z_loss(routing, mask) for routing in routings]).mean(),
    }


def balance_loss(routing: Routing, mask: Shaped[Tensor, "b l"] | None = None) -> Float[Tensor, ""]:
    """``E Σ_e f_e P_e`` of one layer (Fedus et al., Switch Transformers, JMLR 2022, eq. 4 to 6).

    ``f_e`` is how often a token takes expert e, on average, and ``P_e`` its mean probability; an even load gives the number of
    experts per token. Skip experts are left out of both, probabilities being those among the working experts: how much a token
    skips neither costs nor pays here, only how what is left is shared out.
    """
    count = routing.num_experts
    probabilities = routing.logits[..., :count].softmax(-1)  # (B, L, E)
    taken = functional.one_hot(routing.experts, routing.logits.shape[-1] + 1)[..., :count].sum(-2)  # (B, L, E)
    return count * (mean(taken.float(), mask) * mean(probabilities, mask)).sum()


def z_loss(routing: Routing, mask: Shaped[Tensor, "b l"] | None = None) -> Float[Tensor, ""]:
    """Mean of ``logsumexp(logits)^2`` of one layer (Zoph et al., ST-MoE, 2022, eq. 5)."""
    return mean(routing.logits.logsumexp(-1, keepdim=True).square(), mask).squeeze(0)


def mean(values: Float[Tensor, "b l n"], mask: Shaped[Tensor, "b l"] | None) -> Float[Tensor, "n"]:
    """Over the tokens that count."""
    if mask is None:
        return values.mean((0, 1))
    kept = mask.to(values)[..., None]  # (B, L, 1)
    return (values * kept).sum((0, 1)) / kept.sum().clamp(min=1)
