"""What routers decide during a forward, seen from outside, and a word put in beforehand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from umind.backbone.moe.attach import dual_paths
from umind.backbone.moe.router import Routing


@contextmanager
def record_routing(model: nn.Module) -> Iterator[list[Routing]]:
    """Collect the decision of every layer's router, first layer first, of each forward inside the block.

    The logits carry their gradient, also under gradient checkpointing. Call ``backward`` after the block: checkpointing runs
    the layers again, and inside the block they would be recorded again. The model keeps nothing of it::

        with record_routing(model) as routings:
            output = model(**batch)
        parts = routing_losses(routings, mask=batch["attention_mask"])

    Raises:
        ValueError: During a forward, where reentrant checkpointing would cut the gradient off.
    """
    routings: list[Routing] = []
    guarded = torch.is_grad_enabled() and checkpoints(model)

    def note(router: nn.Module, _: Any, routing: Routing) -> None:
        if guarded and router.training and not torch.is_grad_enabled():
            raise ValueError("reentrant gradient checkpointing hides the routers' gradients; it needs use_reentrant=False")
        routings.append(routing)

    hooks = [path.moe.gate.register_forward_hook(note) for path in dual_paths(model).values()]
    try:
        yield routings
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def steer(model: nn.Module, prior: Float[Tensor, "b #l c"]) -> Iterator[None]:
    """Add logits to those of every layer's router inside the block: a soft prior for the experts.

    Args:
        model: With experts.
        prior: One logit for each choice, the skip experts last, of every token ``(B, L, C)`` or of every row ``(B, 1, C)``.

    Raises:
        ValueError: The prior is for another number of choices, or gradient checkpointing is on: ``backward`` runs the layers
            again, after the block and without the prior.
    """
    routers = [path.moe.gate for path in dual_paths(model).values()]
    if any(router.config.num_choices != prior.shape[-1] for router in routers):
        counts = sorted({router.config.num_choices for router in routers})
        raise ValueError(f"a prior for {prior.shape[-1]} choices does not fit routers that have {counts}")
    if model.training and checkpoints(model):
        raise ValueError("a prior and gradient checkpointing exclude each other: a layer's second run would not see the prior")

    def add(_: nn.Module, arguments: tuple[Tensor]) -> tuple[Tensor, Tensor]:
        return arguments[0], prior

    hooks = [router.register_forward_pre_hook(add) for router in routers]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def checkpoints(model: nn.Module) -> bool:
    """Whether a layer of the model trades memory for a second run of its forward."""
    return any(getattr(part, "gradient_checkpointing", False) for part in model.modules())
