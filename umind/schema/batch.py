"""Tensors of a batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Self

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Movable:
    """Tensors that move together."""

    def to(self, device: torch.device | str) -> Self:
        """On another device."""
        return self._each(lambda part: part.to(device))

    def pin_memory(self) -> Self:
        """In page-locked memory."""
        return self._each(lambda part: part.pin_memory())

    def _each(self, move: Callable[[Any], Any]) -> Self:
        parts = (getattr(self, field.name) for field in fields(self))
        return type(self)(*(move(part) if isinstance(part, Tensor | Movable) else part for part in parts))


@dataclass(frozen=True, eq=False)
class Patches(Movable):
    """Images as the vision tower of a Qwen-VL takes them, each at the size that its own processor gives it.

    Args:
        values: Patches of all images, one image after the other, ``(P, C)``.
        grids: How many there are in time, height and width of each image, ``(B, 3)``.
        merge: So many patches in height and in width become one visual token.
    """

    values: Float[Tensor, "p c"]
    grids: Int[Tensor, "b 3"]
    merge: int

    @property
    def counts(self) -> list[int]:
        """Visual tokens of each image."""
        counts: list[int] = (self.grids.prod(1) // self.merge**2).tolist()
        return counts


@dataclass(frozen=True, eq=False)
class RegionTargets(Movable):
    """Truth of the R region tokens of a batch, in the order in which they stand, and of their M instances.

    Args:
        present: 1 where the phrase is in the image, ``(R,)``.
        extent: Share of each stride-8 cell that the phrase covers; what is boxed and not outlined covers its box,
            ``(R, S/8, S/8)``.
        outlined: 1 where the outlines of all instances are known, ``(R,)``.
        counted: 1 where all instances are known, outlined or boxed, ``(R,)``.
        slots: Region token of each instance, ``(M,)``.
        centres: xy of each instance in units of the image's side, ``(M, 2)``.
        sites: Where its kernels are read while training: near the centre, ``(M, 2)``.
        boxes: xyxy in units of the image's side, ``(M, 4)``.
        lengths: `umind.decoders.measure.lengths.LENGTHS` of each mask at full size, in units of the image's side, ``(M, 4)``.
        masks: Instance masks at stride 2, ``(M, S/2, S/2)``.
        drawn: 1 where the instance is outlined, 0 where its mask is only its box, ``(M,)``.
    """

    present: Float[Tensor, "r"]
    extent: Float[Tensor, "r h8 w8"]
    outlined: Float[Tensor, "r"]
    counted: Float[Tensor, "r"]
    slots: Int[Tensor, "m"]
    centres: Float[Tensor, "m 2"]
    sites: Float[Tensor, "m 2"]
    boxes: Float[Tensor, "m 4"]
    lengths: Float[Tensor, "m 4"]
    masks: Float[Tensor, "m h2 w2"]
    drawn: Float[Tensor, "m"]


@dataclass(frozen=True, eq=False)
class ChoiceTargets(Movable):
    """Truth of the questions of a batch whose right answer stands beside wrong ones, each a block of its own: O in all.

    Args:
        labels: As those of the batch, of these blocks alone, the wrong ones too, ``(B, L)``.
        block_ids: As in `umind.tokens.slots.Layout`, ``(B, L)``.
        places: Row and number of each block, from 1, ``(O, 2)``.
        questions: Question that each answers, ``(O,)``.
        right: 1 for the right one, ``(O,)``.
    """

    labels: Int[Tensor, "b l"]
    block_ids: Int[Tensor, "b l"]
    places: Int[Tensor, "o 2"]
    questions: Int[Tensor, "o"]
    right: Float[Tensor, "o"]


@dataclass(frozen=True, eq=False)
class Batch(Movable):
    """Inputs and truth of one training step.

    Args:
        pixel_values: Normalised grey images, ``(B, 1, S, S)``.
        input_ids: Image prefix and blocks, ``(B, L)``.
        attention_mask: 1 where a token is real, ``(B, L)``.
        labels: Token to be predicted at each place, -100 where none is, ``(B, L)``.
        choices: Truth of what is told from wrong answers.
        regions: Truth of the region tokens.
        points: xy in units of the image's side of the ``[KPT]`` tokens' points, for every instance in turn, ``(P, 2)``.
        patches: The images for the language side's own vision tower, if it has one.
    """

    pixel_values: Float[Tensor, "b 1 s s"]
    input_ids: Int[Tensor, "b l"]
    attention_mask: Int[Tensor, "b l"]
    labels: Int[Tensor, "b l"]
    choices: ChoiceTargets
    regions: RegionTargets
    points: Float[Tensor, "p 2"]
    patches: Patches | None = None

    def __len__(self) -> int:
        return len(self.pixel_values)
