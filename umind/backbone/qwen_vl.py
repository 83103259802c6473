"""Qwen2-VL, Qwen2.5-VL and Qwen3-VL, dense or with experts, as the language side: with their own vision tower and positions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import (
    PreTrainedModel,
    Qwen2_5_VLModel,
    Qwen2VLModel,
    Qwen3VLModel,
    Qwen3VLMoeModel,
)

from umind.backbone.pixels import PixelFeatures
from umind.schema.batch import Patches
from umind.tokens.slots import Layout

FAMILIES = MappingProxyType(
    {
        "qwen2_vl": Qwen2VLModel,
        "qwen2_5_vl": Qwen2_5_VLModel,
        "qwen3_vl": Qwen3VLModel,
        "qwen3_vl_moe": Qwen3VLMoeModel,
    }
)
"""Networks by the ``model_type`` of their config."""


def is_qwen_vl(config: object) -> bool:
    """Whether a config is of one of the families."""
    return getattr(config, "model_type", None) in FAMILIES


@dataclass(frozen=True, eq=False)
class QwenVL:
    """A network of the families, called so that blocks stand side by side behind one image or several.

    A sequence with one block is the conversation that the network was trained on, token by token, with the same states.

    Args:
        network: One of ``FAMILIES``, vision tower and language model.
    """

    network: PreTrainedModel
    causal: bool = True

    def look(self, features: PixelFeatures, patches: Patches | None) -> PixelFeatures:
        """The features with the vision tower's tokens in place of the pixel encoder's."""
        if patches is None:
            raise ValueError("a Qwen-VL looks at the image itself: it wants `patches`, as the processor makes them")
        network: Any = self.network
        seen = network.get_image_features(patches.values, patches.grids)
        layers = getattr(seen, "deepstack_features", None) or ()
        return replace(
            features,
            tokens=pad_sequence(list(seen.pooler_output), batch_first=True),
            grids=patches.grids[:, 1:] // patches.merge,
            deep=torch.stack([pad_sequence(list(layer), batch_first=True) for layer in layers], 2) if layers else None,
        )

    def positions(
        self, structure: Layout, is_image: Bool[Tensor, "b l"], features: PixelFeatures | None
    ) -> Int[Tensor, "3 b l"]:
        """Time, row and column (M-RoPE, Wang et al., 2024, section 2.1).

        An image takes one point in time, its rows and its columns; a word has the same number on all three axes. What follows
        an image counts on from its largest position.
        """
        places = structure.position_ids
        if features is None or features.grids is None:
            return places.expand(3, *places.shape)
        counts = features.grids.prod(1)
        rows, columns = is_image.nonzero(as_tuple=True)  # (T,)
        image = torch.repeat_interleave(counts)
        nth = torch.arange(len(rows), device=counts.device) - (counts.cumsum(0) - counts)[image]
        width, jump = features.grids[image, 1], jumps(features.grids, is_image)
        axes = (places + jump.cumsum(1) - jump).repeat(3, 1, 1)
        axes[:, rows, columns] += torch.stack([torch.zeros_like(nth), nth // width, nth % width]) - nth
        return axes

    def excess(self, features: PixelFeatures, is_image: Bool[Tensor, "b l"]) -> Int[Tensor, "b 1"]:
        """Of all images of a sequence together."""
        assert features.grids is not None
        return jumps(features.grids, is_image).sum(1, keepdim=True)

    def states(
        self,
        embeddings: Float[Tensor, "b l d"],
        features: PixelFeatures | None,
        is_image: Bool[Tensor, "b l"] | None,
        **arguments: Any,
    ) -> Float[Tensor, "b l d"]:
        """Last hidden states."""
        if arguments["position_ids"].ndim == 2:
            arguments["position_ids"] = arguments["position_ids"].expand(3, -1, -1)
        if is_image is not None and features is not None and features.deep is not None:
            layers = features.deep[features.is_token].unbind(1)
            arguments |= {"visual_pos_masks": is_image, "deepstack_visual_embeds": list(layers)}
        network: Any = self.network
        hidden: Tensor = network.language_model(inputs_embeds=embeddings, **arguments).last_hidden_state
        return hidden


def jumps(grids: Int[Tensor, "n 2"], is_image: Bool[Tensor, "b l"]) -> Int[Tensor, "b l"]:
    """How many positions more than tokens each image takes, at its last token; of h by w tokens it takes its longer side."""
    counts = grids.prod(1)
    rows, columns = is_image.nonzero()[counts.cumsum(0) - 1].unbind(1)
    found = torch.zeros_like(is_image, dtype=torch.long)
    found[rows, columns] = grids.amax(1) - counts
    return found
