"""The decoders of a region token together: its state and pixel features in, the instances of its phrase out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from umind.backbone.pixels import PixelConfig, PixelFeatures
from umind.decoders.box.head import BoxHead
from umind.decoders.config import DecoderConfig
from umind.decoders.dynamic import pool, sample
from umind.decoders.locate.head import LocateHead, peaks
from umind.decoders.mask.head import MaskHead
from umind.decoders.measure.head import LengthHead, LengthOutput
from umind.decoders.presence.head import PresenceHead
from umind.decoders.quality.head import QualityHead

PEAK_SHARE = 0.8
"""Weight of the centre's peak in an instance's score, against the quality of its mask; chosen on validation phantoms."""


@dataclass(frozen=True, eq=False)
class InstanceSites:
    """Where instances are read off the context features.

    Args:
        slots: Region token that each instance belongs to, ``(M,)``.
        points: Centres xy in units of the image's side, ``(M, 2)``.
    """

    slots: Int[Tensor, "m"]
    points: Float[Tensor, "m 2"]


@dataclass(frozen=True, eq=False)
class Candidates:
    """Peaks of the centre maps that may be instances or not; judging them is what training learns from.

    Args:
        slots: Region token of each, ``(N,)``.
        points: xy in units of the image's side, ``(N, 2)``.
        quality: Logit of the IoU that its mask would have, ``(N,)``.
    """

    slots: Int[Tensor, "n"]
    points: Float[Tensor, "n 2"]
    quality: Float[Tensor, "n"]


@dataclass(frozen=True, eq=False)
class RegionOutput:
    """What R region tokens and their M instances give.

    Args:
        centres: Logits of instance centres, ``(R, S/8, S/8)``.
        extent: Logits of the phrase's extent, ``(R, S/8, S/8)``.
        presence: Logit of each phrase's presence, ``(R,)``.
        slots: Region token of each instance, ``(M,)``.
        points: Centre xy of each instance in units of the image's side, ``(M, 2)``.
        vectors: What stands for each instance, ``(M, I)``.
        scores: Confidence of each instance, ``(M,)`` in 0..1.
        masks: Mask logits, ``(M, S/2, S/2)``.
        quality: Logit of each mask's IoU, ``(M,)``.
        boxes: xyxy in units of the image's side, ``(M, 4)``.
        lengths: How its lengths differ from those of its mask, and how surely.
        candidates: Peaks that are judged beside the instances where those were given; none otherwise.
    """

    centres: Float[Tensor, "r h8 w8"]
    extent: Float[Tensor, "r h8 w8"]
    presence: Float[Tensor, "r"]
    slots: Int[Tensor, "m"]
    points: Float[Tensor, "m 2"]
    vectors: Float[Tensor, "m i"]
    scores: Float[Tensor, "m"]
    masks: Float[Tensor, "m h2 w2"]
    quality: Float[Tensor, "m"]
    boxes: Float[Tensor, "m 4"]
    lengths: LengthOutput
    candidates: Candidates


class RegionDecoder(nn.Module):
    """From the state of a region token to the instances of its phrase.

    The state finds the centres; state, features at a centre, and features over the extent make the vector of one instance, and
    that vector makes its kernels, box, quality and lengths. All instances of a batch go through in one batched operation.

    Args:
        config: Sizes.
        pixels: Sizes of the features.
        hidden_size: Width of the language model.
    """

    def __init__(self, config: DecoderConfig, pixels: PixelConfig, hidden_size: int) -> None:
        super().__init__()
        self.config = config
        self.locate = LocateHead(hidden_size, pixels.width)
        self.presence = PresenceHead(hidden_size, pixels.width, config.instance_size)
        self.instance = nn.Sequential(
            nn.Linear(hidden_size + 2 * pixels.width, config.instance_size),
            nn.ReLU(),
            nn.Linear(config.instance_size, config.instance_size),
            nn.ReLU(),
        )
        self.mask = MaskHead(config.instance_size, pixels.mask_channels, config.kernel_channels)
        self.quality = QualityHead(config.instance_size)
        self.box = BoxHead(config.instance_size)
        self.length = LengthHead(config.instance_size)

    def forward(
        self,
        states: Float[Tensor, "r d"],
        rows: Int[Tensor, "r"],
        features: PixelFeatures,
        sites: InstanceSites | None = None,
        least: float = -math.inf,
    ) -> RegionOutput:
        """Decode region tokens.

        Args:
            states: Hidden states at the tokens.
            rows: Image of each token.
            features: Pixel features of the images.
            sites: Where to read instances; the peaks of the centre maps when None.
            least: Logit of presence below which a phrase's peaks are no instances: nobody will ask for their masks.
        """
        maps = features.context
        centres, extent = self.locate(states, maps, rows)
        seen = pool(maps, extent.flatten(1).softmax(1).reshape(extent.shape), rows)
        presence = self.presence(states, seen, centres, extent)
        slots, points, peak = peaks(centres, self.config.max_instances, self.config.min_peak)
        rivals = InstanceSites(slots, points)
        if sites is None:
            there = presence[slots] >= least
            slots, points, peak = slots[there], points[there], peak[there]
            rivals = InstanceSites(slots[:0], points[:0])
        else:
            slots, points = sites.slots, sites.points
            peak = sample(centres[:, None], points, slots)[:, 0].sigmoid()

        def vectors(places: InstanceSites) -> Float[Tensor, "m i"]:
            here = sample(maps, places.points, rows[places.slots])
            found: Float[Tensor, "m i"] = self.instance(torch.cat([states[places.slots], here, seen[places.slots]], 1))
            return found

        instances = vectors(InstanceSites(slots, points))
        quality = self.quality(instances)
        return RegionOutput(
            centres=centres,
            extent=extent,
            presence=presence,
            slots=slots,
            points=points,
            vectors=instances,
            scores=peak**PEAK_SHARE * quality.sigmoid() ** (1 - PEAK_SHARE),
            masks=self.mask(instances, points, features.mask, rows[slots]),
            quality=quality,
            boxes=self.box(instances, points),
            lengths=self.length(instances),
            candidates=Candidates(rivals.slots, rivals.points, self.quality(vectors(rivals))),
        )
