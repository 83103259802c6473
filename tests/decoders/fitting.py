"""A short optimisation of one head alone."""

import itertools
from collections.abc import Callable

import torch
from torch import Tensor, nn


def fit(head: nn.Module, loss: Callable[[], Tensor], steps: int = 150, rate: float = 1e-2) -> tuple[float, float]:
    """Loss before and after some steps of Adam on the head's parameters."""
    optimiser = torch.optim.Adam(head.parameters(), lr=rate)
    first = float(loss().detach())
    for _ in range(steps):
        optimiser.zero_grad()
        loss().backward()
        optimiser.step()
    return first, float(loss().detach())


def descends_towards(start: Tensor, target: Tensor, loss: Callable[[Tensor], Tensor], steps: int = 5) -> bool:
    """Whether a loss falls at every step on the straight way from a start to the target."""
    values = [float(loss(torch.lerp(start, target, t))) for t in torch.linspace(0, 1, steps).tolist()]
    return all(later < earlier for earlier, later in itertools.pairwise(values))


def discs(centres: Tensor, radii: Tensor, size: int) -> Tensor:
    """Masks of discs, 0 or 1; centres xy and radii in units of the map's side."""
    cells = (torch.arange(size) + 0.5) / size
    dx, dy = cells[None, None] - centres[:, :1, None], cells[None, :, None] - centres[:, 1:, None]
    return ((dx**2 + dy**2) < radii[:, None, None] ** 2).float()
