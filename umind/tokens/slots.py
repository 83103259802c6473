"""All position arithmetic on token sequences: blocks, positions, who sees whom, and where the task tokens are.

A sequence is a prefix of one image or several, followed by blocks, each opened by ``<query>``:

    <image> ... <image>  <query> segment cyst <answer> [SEG] <end>  <query> ... <end>

The prefix attends to itself, freely or causally as the language model has learnt it. A block attends to the prefix and,
causally, to itself, and its positions count on from the prefix: a block's states are the same whatever other blocks stand
beside it. That is what lets one prefill answer any number of questions. Earlier turns of a conversation stand inside its block.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from umind.tokens.vocabulary import OWN_IDS, TokenIds

IGNORED = -100
"""Label of a place that predicts nothing, as cross-entropy in torch has it."""


@dataclass(frozen=True, eq=False)
class Layout:
    """Structure of a batch of packed sequences.

    Args:
        block_ids: 0 for the prefix of images, k for the k-th block, -1 for padding, ``(B, L)``.
        position_ids: Rotary positions, ``(B, L)``.
        visible: True where a query position (second last axis) may look at a key position, ``(B, 1, L, L)``.
    """

    block_ids: Int[Tensor, "b l"]
    position_ids: Int[Tensor, "b l"]
    visible: Bool[Tensor, "b 1 l l"]


def layout(
    input_ids: Int[Tensor, "b l"], attention_mask: Int[Tensor, "b l"], ids: TokenIds = OWN_IDS, *, causal: bool = False
) -> Layout:
    """Read the structure from the ids; padding may stand on either side.

    Args:
        input_ids: Image prefix and blocks, ``(B, L)``.
        attention_mask: 1 where a token is real, ``(B, L)``.
        ids: Of the special tokens.
        causal: Whether a token of the prefix sees only those before it.
    """
    steps = torch.arange(input_ids.shape[1], device=input_ids.device).expand_as(input_ids)
    real = attention_mask.bool()
    ahead = ((input_ids == ids.image) & real).flip(1).cumsum(1).flip(
        1
    ) > 0  # a chat template may have the mark between images too
    opens = (input_ids == ids.query) & real & ~ahead
    block_ids = opens.cumsum(1).masked_fill(~real, -1)
    prefix = block_ids == 0
    first = torch.where(real, steps, input_ids.shape[1]).amin(1, keepdim=True)
    start = torch.where(opens, steps, 0).cummax(1).values
    within = torch.where(prefix, steps - first, steps - start + prefix.sum(1, keepdim=True))
    same = block_ids[:, :, None] == block_ids[:, None, :]
    before = steps[:, :, None] >= steps[:, None, :]
    visible = (prefix[:, None, :] | same) & before if causal else prefix[:, None, :] | (same & before)
    visible = visible & real[:, None, :] | torch.eye(input_ids.shape[1], dtype=torch.bool, device=input_ids.device)
    return Layout(block_ids, within.clamp(min=0), visible[:, None])


def visible_to_last_block(layout: Layout) -> Int[Tensor, "b l"]:
    """1 for the positions that a continuation of the last block may look at: the prefix and that block."""
    last = layout.block_ids.amax(1, keepdim=True)
    return ((layout.block_ids == 0) | (layout.block_ids == last)).long()


@dataclass(frozen=True, eq=False)
class Slots:
    """Task tokens of a batch, row by row, left to right.

    Args:
        rows: Batch row of each, ``(Q,)``.
        columns: Place in its sequence, ``(Q,)``.
        kinds: Token id, ``(Q,)``.
    """

    rows: Int[Tensor, "q"]
    columns: Int[Tensor, "q"]
    kinds: Int[Tensor, "q"]

    def __len__(self) -> int:
        return len(self.rows)

    def states(self, hidden: Float[Tensor, "b l d"]) -> Float[Tensor, "q d"]:
        """Hidden state at each task token."""
        return hidden[self.rows, self.columns]


def anchors(points: Slots, regions: Slots, input_ids: Int[Tensor, "b l"], ids: TokenIds = OWN_IDS) -> Int[Tensor, "q"]:
    """Index of the region token that each point's token belongs to: the last one before it in its block, -1 without one."""
    length = input_ids.shape[1]
    places = regions.rows * length + regions.columns  # rising
    last = torch.searchsorted(places, points.rows * length + points.columns) - 1
    if not len(regions):
        return last
    blocks = (input_ids == ids.query).cumsum(1)
    rows, columns = regions.rows[last], regions.columns[last]
    together = (last >= 0) & (rows == points.rows) & (blocks[rows, columns] == blocks[points.rows, points.columns])
    return last.masked_fill(~together, -1)


def find_slots(input_ids: Int[Tensor, "b l"], tokens: tuple[str, ...], ids: TokenIds = OWN_IDS) -> Slots:
    """Where any of the given task tokens stand."""
    wanted = torch.tensor(ids.of(*tokens), device=input_ids.device)
    rows, columns = torch.isin(input_ids, wanted).nonzero(as_tuple=True)
    return Slots(rows, columns, input_ids[rows, columns])
