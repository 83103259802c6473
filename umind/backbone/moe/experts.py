"""All experts of a layer as two grouped matrix products; no loop over experts."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional
from transformers import initialization
from transformers.integrations import moe as _registers_the_product  # noqa: F401

from umind.backbone.moe.config import MoEConfig
from umind.backbone.moe.router import Routing


class Experts(nn.Module):
    """SwiGLU experts (Shazeer, 2020), their weights stacked as in transformers' mixtures of experts.

    Tokens are sorted by expert, so that each expert's are one block of a grouped product: on a GPU one kernel in bfloat16, on a
    CPU one product a block. A choice that is no expert sorts behind the last block and costs no product.

    Args:
        hidden_size: Width of a state; with ``moe_intermediate_size`` a multiple of 8 for bfloat16 on a GPU.
        config: Number and width of the experts.
        activation: Of the gate.
        std: Standard deviation of the weights at the start.
    """

    def __init__(self, hidden_size: int, config: MoEConfig, activation: nn.Module, *, std: float = 0.02) -> None:
        super().__init__()
        count, width = config.num_experts, config.moe_intermediate_size
        self.num_experts, self.idles = count, config.idles
        self.gate_up_proj = nn.Parameter(torch.empty(count, 2 * width, hidden_size))
        self.down_proj = nn.Parameter(torch.empty(count, hidden_size, width))
        self.act_fn = activation
        self.reset(std)

    def reset(self, std: float) -> None:
        """Draw the weights, but for those that a checkpoint gave."""
        initialization.normal_(self.gate_up_proj, std=std)
        initialization.normal_(self.down_proj, std=std)

    def forward(self, hidden: Float[Tensor, "*b d"], routing: Routing) -> Float[Tensor, "*b d"]:
        """Weighted sum of what each token's experts make of it, 0 for a token that takes none."""
        per_token = routing.experts.shape[-1]
        choices, order = routing.experts.flatten().sort(stable=True)  # (N K,)
        ends = torch.searchsorted(choices, torch.arange(self.num_experts, device=choices.device), right=True, out_int32=True)
        idle = (choices >= self.num_experts)[:, None]
        states = hidden.flatten(0, -2)[order // per_token]  # (N K, D)
        if self.idles:
            states = states.masked_fill(idle, 0)  # the products leave gradients of rows behind the last block undefined
        # All under one name: where nothing is learnt, what is done with is freed, and a CPU asks for fewer fresh pages.
        states = self.activate(grouped_linear(states, self.gate_up_proj, ends))  # (N K, W)
        states = grouped_linear(states, self.down_proj, ends)
        if self.idles:
            states = states.masked_fill(idle, 0)  # likewise their values
        states = states[order.argsort()].view(*routing.weights.shape, -1)  # (B, L, K, D)
        return (routing.weights[..., None, :] @ states).squeeze(-2)

    def activate(self, both: Float[Tensor, "n w2"]) -> Float[Tensor, "n w"]:
        """Gate and the other half, which stand side by side, as their product."""
        gate, up = both.chunk(2, -1)
        activated: Tensor = self.act_fn(gate)
        return activated * up if torch.is_grad_enabled() else activated.mul_(up)


def grouped_linear(
    states: Float[Tensor, "n i"], weights: Float[Tensor, "e o i"], ends: Int[Tensor, "e"]
) -> Float[Tensor, "n o"]:
    """Rows up to ``ends[e]``, from where the expert before ended, times its weights; what is behind the last is undefined.

    torch's product knows no autocast, so that is done here; nor float64 and rows that are no multiple of 16 bytes, for which
    transformers' one stands in.
    """
    device = weights.device.type
    dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else weights.dtype
    states, weights = states.to(dtype), weights.to(dtype).transpose(-2, -1)  # (E, I, O)
    if dtype == torch.float64 or any(size * dtype.itemsize % 16 for size in weights.shape[1:]):
        product: Tensor = torch.ops.transformers.grouped_mm_fallback(states, weights, ends)
        return product
    return functional.grouped_mm(states, weights, offs=ends)
