"""A random Qwen2.5-VL of a size between a test's and a real one, with pixel encoder, decoders and words of umind-tiny."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import PreTrainedTokenizerFast, Qwen2_5_VLConfig, Qwen2VLImageProcessor

from umind.backbone.pixels import PixelConfig
from umind.checkpoint import EMBEDDED, processor_for
from umind.decoders.config import DecoderConfig
from umind.model import UMindConfig, UMindModel
from umind.predictor import UMindVL

VOCABULARY = 8192
SEEN = 448
"""Side of the image as the tower takes it, in pixels: 256 visual tokens."""
TEXT = {
    "vocab_size": VOCABULARY,
    "hidden_size": 512,
    "intermediate_size": 1408,
    "num_hidden_layers": 4,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "max_position_embeddings": 4096,
    "tie_word_embeddings": True,
    "pad_token_id": None,
    "bos_token_id": None,
    "eos_token_id": None,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [8, 12, 12]},
}
VISION = {
    "depth": 4,
    "hidden_size": 256,
    "intermediate_size": 768,
    "num_heads": 4,
    "out_hidden_size": 512,
    "window_size": 112,
    "fullatt_block_indexes": [3],
}


def write_qwen(folder: Path) -> None:
    """Write it; the same every time."""
    torch.manual_seed(0)
    config = UMindConfig(
        pixel_config=PixelConfig(),
        text_config=Qwen2_5_VLConfig(text_config=TEXT, vision_config=VISION, tie_word_embeddings=True),
        decoder_config=DecoderConfig(),
    )
    model = UMindModel(config).eval()  # type: ignore[no-untyped-call]
    words = PreTrainedTokenizerFast.from_pretrained(EMBEDDED)
    patcher = Qwen2VLImageProcessor(size={"shortest_edge": SEEN**2, "longest_edge": SEEN**2})
    UMindVL(model, processor_for(model, words, patcher)).save_pretrained(folder)
