"""A region token's state becomes two dynamic 1 x 1 kernels over the context features: centres and extent."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from umind.backbone.pixels import conv_block
from umind.decoders.dynamic import project


class LocateHead(nn.Module):
    """Centre map (CenterNet, Zhou et al., 2019) and extent map, both conditioned on the phrase through its token.

    Args:
        hidden_size: Width of the language model.
        context_size: Channels of the context features.
    """

    def __init__(self, hidden_size: int, context_size: int) -> None:
        super().__init__()
        self.tower = conv_block(context_size, context_size)
        self.kernels = nn.Linear(hidden_size, 2 * (context_size + 1))
        nn.init.normal_(self.kernels.weight, std=0.01)
        nn.init.zeros_(self.kernels.bias)
        with torch.no_grad():
            self.kernels.bias[context_size] = -4.0  # centres are rare: start from the focal loss's prior of about 0.02

    def forward(
        self, states: Float[Tensor, "r d"], context: Float[Tensor, "b c h w"], rows: Int[Tensor, "r"]
    ) -> tuple[Float[Tensor, "r h w"], Float[Tensor, "r h w"]]:
        """Logits of centres and of extent for each region token; ``rows`` says whose image it belongs to."""
        kernels = self.kernels(states).reshape(-1, 2, context.shape[1] + 1)  # (R, 2, C + 1)
        maps = project(self.tower(context), kernels[..., :-1], rows) + kernels[..., -1:]  # (R, 2, H*W)
        centres, extent = maps.reshape(-1, 2, *context.shape[-2:]).unbind(1)
        return centres, extent


def peaks(
    centres: Float[Tensor, "r h w"], limit: int, minimum: float
) -> tuple[Int[Tensor, "m"], Float[Tensor, "m 2"], Float[Tensor, "m"]]:
    """Local maxima of centre maps.

    Args:
        centres: Logits.
        limit: Most peaks to keep for one map.
        minimum: Least probability of a peak; the best one of a map is kept whatever it is.

    Returns:
        Map of each peak, its xy in units of the map's side, its probability; by map, then by falling probability.
    """
    probability = centres.sigmoid()
    is_peak = functional.max_pool2d(probability[:, None], 3, stride=1, padding=1)[:, 0] == probability
    scores, cells = (probability * is_peak).flatten(1).topk(limit, dim=1)
    wanted = scores > minimum
    wanted[:, 0] = True
    slot, rank = wanted.nonzero(as_tuple=True)
    cell = cells[slot, rank]
    height, width = centres.shape[-2:]
    points = torch.stack([(cell % width + 0.5) / width, (cell // width + 0.5) / height], 1)
    return slot, points, scores[slot, rank]
