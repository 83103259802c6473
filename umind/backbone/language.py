"""The language side: words and visual tokens to hidden states. Nothing above knows which network it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from transformers import PreTrainedModel

from umind.backbone.pixels import PixelFeatures
from umind.schema.batch import Patches
from umind.tokens.slots import Layout


class LanguageSide(Protocol):
    """What the model needs of its language side; `OwnLanguage` or `umind.backbone.qwen_vl.QwenVL`."""

    @property
    def causal(self) -> bool:
        """Whether a token of the image prefix sees only those before it."""
        ...

    def look(self, features: PixelFeatures, patches: Patches | None) -> PixelFeatures:
        """The features with the visual tokens that this side reads.

        Args:
            features: What the pixel encoder made of the images.
            patches: The same images for a vision tower.

        Raises:
            ValueError: There is a tower, and nothing for it to see.
        """
        ...

    def positions(
        self, structure: Layout, is_image: Bool[Tensor, "b l"], features: PixelFeatures | None
    ) -> Int[Tensor, "*axes b l"]:
        """Rotary positions of whole sequences."""
        ...

    def excess(self, features: PixelFeatures, is_image: Bool[Tensor, "b l"]) -> Int[Tensor, "b 1"]:
        """By how much the first position behind a sequence's images is more than the number of tokens in front of it."""
        ...

    def states(
        self,
        embeddings: Float[Tensor, "b l d"],
        features: PixelFeatures | None,
        is_image: Bool[Tensor, "b l"] | None,
        **arguments: Any,
    ) -> Float[Tensor, "b l d"]:
        """Last hidden states.

        Args:
            embeddings: Of the words, and visual tokens.
            features: Of the images, where the sequences begin with them: those of the first sequence, of the second, and so on.
            is_image: Where their tokens stand.
            arguments: What transformers' language models take: ``attention_mask``, ``position_ids``, ``past_key_values`` and
                ``use_cache``; and ``region``, where layers have experts that ask for it.
        """
        ...


@dataclass(frozen=True, eq=False)
class OwnLanguage:
    """A causal language model that reads the pixel encoder's tokens, which see each other freely.

    Args:
        network: As `transformers.Qwen3Model`.
    """

    network: PreTrainedModel
    causal: bool = False

    def look(self, features: PixelFeatures, patches: Patches | None) -> PixelFeatures:
        """The features as they are."""
        return features

    def positions(self, structure: Layout, is_image: Bool[Tensor, "b l"], features: PixelFeatures | None) -> Int[Tensor, "b l"]:
        """One after the other."""
        return structure.position_ids

    def excess(self, features: PixelFeatures, is_image: Bool[Tensor, "b l"]) -> Int[Tensor, "b 1"]:
        """None."""
        return torch.zeros_like(is_image[:, :1], dtype=torch.long)

    def states(
        self,
        embeddings: Float[Tensor, "b l d"],
        features: PixelFeatures | None,
        is_image: Bool[Tensor, "b l"] | None,
        **arguments: Any,
    ) -> Float[Tensor, "b l d"]:
        """Last hidden states."""
        hidden: Tensor = self.network(inputs_embeds=embeddings, **arguments).last_hidden_state
        return hidden
