"""What is scanned, told to the routers of every layer: a soft prior from the visual tokens of each sequence."""

from __future__ import annotations

from functools import cache, partial
from inspect import unwrap
from types import SimpleNamespace
from typing import Any

from jaxtyping import Bool, Float
from torch import Tensor, nn
from transformers import DynamicCache, PreTrainedConfig


class RegionCache(DynamicCache):
    """Keys and values of earlier tokens, and the region that their images showed, for the routers of the steps to come.

    Args:
        config: Of the language model.
        region: As `region_of` makes it; None for a model whose routers do not ask for it.
    """

    def __init__(self, config: PreTrainedConfig, region: Float[Tensor, "b 1 d"] | None) -> None:
        super().__init__(config=config)
        self.region = region


def region_of(embeddings: Float[Tensor, "b l d"], is_image: Bool[Tensor, "b l"]) -> Float[Tensor, "b 1 d"]:
    """Mean of the visual tokens of each sequence, of all its images; 0 where it has none, which makes no prior."""
    share = is_image / is_image.sum(1, keepdim=True).clamp(min=1)  # (B, L)
    return share[:, None].to(embeddings.dtype) @ embeddings


def tell(layer: nn.Module) -> None:
    """Let a decoder layer take ``region`` beside what it takes, for its ``DualPath``, in place.

    transformers' language models hand every layer the arguments that they do not know, and gradient checkpointing hands them to
    the second run too: so nothing is kept between two calls, and none sees what another is told.
    """
    layer.__class__ = with_region(type(layer))  # type: ignore[arg-type]  # a class has a hash, also one whose objects have none


@cache
def with_region(layer_class: type[nn.Module]) -> type[nn.Module]:
    """A class of decoder layers that runs the parent's forward on its own parts, the ``mlp`` among them told the region."""
    run = unwrap(layer_class.forward)  # the class below gets gradient checkpointing of its own

    class WithRegion(layer_class):  # type: ignore[valid-type, misc]
        def forward(self, *args: Any, region: Float[Tensor, "b 1 d"] | None = None, **arguments: Any) -> Any:
            parts = dict(self.named_children())
            return run(SimpleNamespace(**parts | {"mlp": partial(parts["mlp"], region=region)}), *args, **arguments)

    for name in ("__module__", "__name__", "__qualname__"):  # by these transformers finds layers that stay on one device
        setattr(WithRegion, name, getattr(layer_class, name))
    return WithRegion
