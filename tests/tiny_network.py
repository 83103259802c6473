"""The smallest network that has every part, with random weights strong enough for its outputs to differ."""

import torch
from torch import Tensor
from transformers import BatchFeature

from umind.backbone.pixels import PixelConfig
from umind.decoders.config import DecoderConfig
from umind.model import UMindConfig, UMindModel
from umind.processor.processor import UMindImageProcessor, UMindProcessor
from umind.tokens.template import Block
from umind.tokens.tokenizer import train_tokenizer

SIDE = 64


def build() -> tuple[UMindModel, UMindProcessor]:
    """Network in evaluation mode, and its processor; the same every time."""
    torch.manual_seed(0)
    tokenizer = train_tokenizer(["segment the cyst", "is it benign", "yes", "no"], 300)
    config = UMindConfig.tiny(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=32,
        initializer_range=0.3,
    )
    config.pixel_config = PixelConfig(image_size=SIDE, width=32, mask_channels=8)
    config.decoder_config = DecoderConfig(instance_size=48, kernel_channels=8, max_instances=4)
    model = UMindModel(config).eval()
    for name, buffer in model.pixels.named_buffers():  # statistics that no fresh network has
        if name.endswith("running_mean"):
            buffer.copy_(0.1 * torch.randn_like(buffer))
    return model, UMindProcessor(UMindImageProcessor(size=SIDE), tokenizer, config.pixel_config.num_tokens)


def pixel_values(count: int) -> Tensor:
    """Random images, the same every time."""
    return torch.randn(count, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(1))


def inputs(packed: BatchFeature) -> dict[str, Tensor]:
    """What the network takes of packed questions."""
    return {name: packed[name] for name in ("input_ids", "attention_mask")}


SEGMENT, POINT = Block("segment the cyst", "[SEG]"), Block("ends of cyst", "[DET] [KPT] [KPT]")
WORDS = Block("is it benign", "yes")
MEASURE, FIND = Block("measure the cyst", "[MEAS]"), Block("find every cyst", "[DET]")
