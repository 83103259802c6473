"""The weighted sum of every decoder's loss; the only place that weighs them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from umind.backbone.moe.config import MoEConfig
from umind.backbone.moe.losses import routing_losses
from umind.backbone.moe.router import Routing
from umind.decoders.box.loss import box_loss
from umind.decoders.decoder import RegionOutput
from umind.decoders.keypoint.loss import keypoint_loss
from umind.decoders.locate.loss import centre_loss, centre_target, extent_loss
from umind.decoders.mask.loss import mask_loss
from umind.decoders.measure.loss import length_loss
from umind.decoders.presence.loss import presence_loss
from umind.decoders.quality.loss import mask_iou, on_nothing, quality_loss
from umind.decoders.text.head import response_likelihoods
from umind.decoders.text.loss import choice_loss, text_loss
from umind.model import UMindOutput
from umind.schema.batch import Batch, ChoiceTargets, RegionTargets
from umind.tokens.slots import IGNORED


@dataclass(frozen=True)
class LossWeights:
    """Weight of each named loss in the objective.

    The last two are of a model with experts only; None stands for what the experts' own numbers say, see `completed`.
    """

    text: float = 1.0
    choice: float = 1.0
    centre: float = 1.0
    extent: float = 1.0
    presence: float = 1.0
    mask: float = 2.0
    dice: float = 1.0
    quality: float = 0.5
    box_l1: float = 5.0
    box_giou: float = 1.0
    keypoint: float = 0.3
    length: float = 1.0
    spread: float = 0.05
    balance: float | None = None
    router_z: float | None = None

    def completed(self, experts: MoEConfig | None) -> LossWeights:
        """With the experts' ``router_aux_loss_coef`` and ``router_z_loss_coef`` where nothing else was asked for."""
        if experts is None:
            return self
        given = {"balance": experts.router_aux_loss_coef, "router_z": experts.router_z_loss_coef}
        return replace(self, **{name: weight for name, weight in given.items() if getattr(self, name) is None})


def region_losses(regions: RegionOutput, truth: RegionTargets) -> dict[str, Float[Tensor, ""]]:
    """Losses of the region tokens and their instances, by the names of ``LossWeights``."""
    centres = centre_target(truth.centres, truth.boxes, truth.slots, tuple(regions.centres.shape))
    masks = regions.masks.float()
    drawn = truth.drawn.bool()
    cross_entropy, dice = mask_loss(masks[drawn], truth.masks[drawn])
    box_l1, box_giou = box_loss(regions.boxes, truth.boxes)
    idle = on_nothing(regions.candidates.points, regions.candidates.slots, truth.extent)
    outlined, counted = truth.outlined.bool(), truth.counted.bool()
    length, spread = length_loss(regions.lengths[drawn], masks[drawn], truth.lengths[drawn])
    reached = mask_iou(masks[drawn], truth.masks[drawn])
    return {
        "centre": centre_loss(regions.centres[counted], centres[counted]),
        "extent": extent_loss(regions.extent[outlined], truth.extent[outlined]),
        "presence": presence_loss(regions.presence, truth.present),
        "mask": cross_entropy,
        "dice": dice,
        "quality": quality_loss(regions.quality[drawn], reached, regions.candidates.quality[idle]),
        "box_l1": box_l1,
        "box_giou": box_giou,
        "length": length,
        "spread": spread,
    }


def chosen_likelihoods(logits: Float[Tensor, "b l v"], choices: ChoiceTargets) -> Float[Tensor, "o"]:
    """Log-likelihood of every answer offered."""
    rows, blocks = choices.places.unbind(1)
    return response_likelihoods(logits, choices.labels, choices.block_ids)[rows, blocks - 1]


def objective(
    output: UMindOutput, batch: Batch, weights: LossWeights, routings: Sequence[Routing] = ()
) -> tuple[Float[Tensor, ""], dict[str, Float[Tensor, ""]]]:
    """Total loss and its named parts, unweighted.

    Args:
        output: Of the model.
        batch: What it was given, and the truth.
        weights: Of every part, `LossWeights.completed` for a model with experts.
        routings: What `record_routing` saw meanwhile; without any there are no losses of routers.
    """
    assert output.regions is not None
    assert output.points is not None
    answered = batch.labels != IGNORED
    parts = {
        "text": text_loss(output.logits[answered].float(), batch.labels[answered]),
        "choice": choice_loss(chosen_likelihoods(output.logits, batch.choices), batch.choices.questions, batch.choices.right),
        "keypoint": keypoint_loss(output.points.heatmaps.float(), batch.points),
        **region_losses(output.regions, batch.regions),
    }
    if routings:
        parts |= routing_losses(routings, mask=batch.attention_mask)
    total = torch.stack([getattr(weights, name) * part for name, part in parts.items()]).sum()
    return total, parts
