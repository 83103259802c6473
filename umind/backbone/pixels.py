"""Pixel encoder: a timm network, a feature pyramid, and what the language model and the decoders see of an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, cast

import timm
import torch
from jaxtyping import Bool, Float, Int
from timm.models import FeatureInfo
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedConfig


class PixelConfig(PreTrainedConfig):  # type: ignore[no-untyped-call]
    """Sizes of the pixel encoder.

    Args:
        encoder: timm name of a network with features at strides 2, 4, 8, 16 and 32.
        image_size: Side of the square input, a multiple of 32.
        width: Channels of the pyramid.
        mask_channels: Channels of the mask features.
    """

    model_type = "umind_pixels"

    encoder: str = "mobilenetv2_100"
    image_size: int = 256
    width: int = 96
    mask_channels: int = 32

    @property
    def grid(self) -> int:
        """Side of the grid of visual tokens."""
        return self.image_size // 32

    @property
    def num_tokens(self) -> int:
        """How many visual tokens stand for an image."""
        return self.grid**2


@dataclass(frozen=True, eq=False)
class PixelFeatures:
    """What is kept of images; everything above is computed from this.

    Args:
        mask: Mask features at stride 4, ``(B, Cm, S/4, S/4)``.
        context: Features with a wide view at stride 8, ``(B, C, S/8, S/8)``.
        tokens: Visual tokens, row by row, ``(B, T, D)``: T is (S/32)^2 where they are the pixel encoder's, and that of the
            largest image where they are a vision tower's, with zeros behind those of a smaller one.
        grids: Rows and columns of a vision tower's tokens, ``(B, 2)``; None where they are the pixel encoder's.
        deep: What a vision tower's K inner layers add to the first K layers of the language model (DeepStack, Meng et al.,
            NeurIPS 2024), ``(B, T, K, D)``; None from a tower that has none.
    """

    mask: Float[Tensor, "b cm h4 w4"]
    context: Float[Tensor, "b c h8 w8"]
    tokens: Float[Tensor, "b t d"]
    grids: Int[Tensor, "b 2"] | None = None
    deep: Float[Tensor, "b t k d"] | None = None

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, index: slice) -> PixelFeatures:
        parts: list[Any] = [None if part is None else part[index] for part in self._parts()]
        return PixelFeatures(*parts)

    @property
    def counts(self) -> list[int]:
        """Visual tokens of each image."""
        counts: list[int] = [self.tokens.shape[1]] * len(self) if self.grids is None else self.grids.prod(1).tolist()
        return counts

    @property
    def is_token(self) -> Bool[Tensor, "b t"]:
        """True where ``tokens`` holds one, and not a zero behind them."""
        counts = torch.tensor(self.counts, device=self.tokens.device)
        return torch.arange(self.tokens.shape[1], device=self.tokens.device) < counts[:, None]

    @classmethod
    def cat(cls, parts: Sequence[PixelFeatures]) -> PixelFeatures:
        """Join along the batch."""
        longest = max(part.tokens.shape[1] for part in parts)
        columns = zip(*(part.padded(longest)._parts() for part in parts), strict=True)
        joined: list[Any] = [None if column[0] is None else torch.cat(column) for column in columns]
        return cls(*joined)

    def padded(self, length: int) -> PixelFeatures:
        """With zeros behind the tokens, up to a length; itself where it has that length."""
        short = length - self.tokens.shape[1]
        if not short:
            return self
        deep = None if self.deep is None else functional.pad(self.deep, (0, 0, 0, 0, 0, short))
        return replace(self, tokens=functional.pad(self.tokens, (0, 0, 0, short)), deep=deep)

    def _parts(self) -> list[Any]:
        return [getattr(self, field.name) for field in fields(self)]


class PixelEncoder(nn.Module):
    """timm features, top-down pyramid (Lin et al., CVPR 2017), mask features with absolute coordinates.

    Args:
        config: Sizes.
        hidden_size: Width of the language model; None for one that has eyes of its own, and gets no tokens from here.
    """

    def __init__(self, config: PixelConfig, hidden_size: int | None) -> None:
        super().__init__()
        encoder = timm.create_model(config.encoder, pretrained=False, features_only=True, out_indices=(0, 1, 2, 3, 4))
        self.encoder = encoder
        c1, c2, c3, c4, c5 = cast(FeatureInfo, encoder.feature_info).channels()
        width = config.width
        self.lateral = nn.ModuleList([nn.Conv2d(c, width, 1) for c in (c3, c4, c5)])
        self.surround = nn.Conv2d(c5, width, 1)
        self.context = nn.Sequential(conv_block(width + 2, width), conv_block(width, width))
        self.finest = nn.Conv2d(4 * c1, width // 2, 1)
        self.fine = nn.Conv2d(c2, width // 2, 1)
        self.coarse = nn.Conv2d(width, width // 2, 1)
        self.mask = nn.Sequential(
            conv_block(width // 2, width),
            conv_block(width, width),
            nn.Conv2d(width, config.mask_channels, 1),
        )
        self.gives_tokens = hidden_size is not None
        if hidden_size is not None:
            self.to_token = nn.Linear(c5 + 4 * c4, hidden_size)
            self.token_norm = nn.LayerNorm(hidden_size)
            self.place = nn.Parameter(torch.zeros(1, config.num_tokens, hidden_size))

    def forward(self, pixels: Float[Tensor, "b 1 s s"]) -> PixelFeatures:
        """Encode normalised grey images."""
        x1, x2, x3, x4, x5 = self.encoder(pixels.expand(-1, 3, -1, -1))
        top = self.lateral[2](x5) + self.surround(x5.mean((2, 3), keepdim=True))
        top = self.lateral[1](x4) + upsample(top)
        top = self.lateral[0](x3) + upsample(top)
        context = self.context(with_coordinates(top))
        finest = self.finest(functional.pixel_unshuffle(x1, 2))  # what a stride of 4 would blur, as channels
        mask = self.mask(finest + self.fine(x2) + upsample(self.coarse(context)))
        tokens = torch.cat([x5, functional.pixel_unshuffle(x4, 2)], 1).flatten(2).transpose(1, 2)  # (B, T, c5 + 4 c4)
        tokens = self.token_norm(self.to_token(tokens)) + self.place if self.gives_tokens else tokens[:, :0]
        return PixelFeatures(mask.float().contiguous(), context.float().contiguous(), tokens)


def conv_block(inputs: int, outputs: int) -> nn.Sequential:
    """3 x 3 convolution, batch normalisation, ReLU."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())


def upsample(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h2 w2"]:
    """Twice the size, bilinear."""
    return functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def with_coordinates(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c+2 h w"]:
    """Append x and y in -1..1 (CoordConv, Liu et al., NeurIPS 2018)."""
    height, width = x.shape[-2:]
    ys = (torch.arange(height, device=x.device, dtype=x.dtype) + 0.5) / height * 2 - 1
    xs = (torch.arange(width, device=x.device, dtype=x.dtype) + 0.5) / width * 2 - 1
    grid = torch.stack([xs.expand(height, width), ys[:, None].expand(height, width)])
    return torch.cat([x, grid.expand(len(x), -1, -1, -1)], 1)
