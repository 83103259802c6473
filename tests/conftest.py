"""What several rooms' tests share: a small random model, and the embedded one; shapes in annotations are checked."""

import pytest
import torch
from hypothesis import settings
from jaxtyping import install_import_hook

CHECKED = (
    "umind.geometry",
    "umind.tokens",
    "umind.decoders.decoder",
    "umind.decoders.dynamic",
    *(f"umind.decoders.{kind}" for kind in ("box", "keypoint", "locate", "mask", "measure", "presence", "quality", "text")),
    *(f"umind.backbone.moe.{part}" for part in ("router", "experts", "dual_path", "losses", "routing")),
)
"""Rooms whose annotated shapes are executed; configs, protocols and ``Self`` are what the checker cannot read elsewhere."""
install_import_hook(list(CHECKED), "beartype.beartype")

from umind import UMindVL  # noqa: E402 (the hook has to stand before)
from umind.backbone.pixels import PixelConfig  # noqa: E402
from umind.checkpoint import EMBEDDED  # noqa: E402
from umind.model import UMindConfig, UMindModel  # noqa: E402
from umind.processor.processor import UMindImageProcessor, UMindProcessor  # noqa: E402
from umind.tokens.tokenizer import train_tokenizer  # noqa: E402

settings.register_profile("repeatable", derandomize=True, database=None, deadline=None)
settings.load_profile("repeatable")

SMALL = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 32,
}


@pytest.fixture(scope="session")
def random_umind() -> UMindVL:
    """A small model with random weights, 64-pixel frames."""
    torch.manual_seed(0)
    words = train_tokenizer(["segment the breast lesion", "long axis start", "yes no benign malignant"])
    config = UMindConfig.tiny(vocab_size=len(words), **SMALL)
    config.pixel_config = PixelConfig(image_size=64)
    model = UMindModel(config).eval()
    return UMindVL(model, UMindProcessor(UMindImageProcessor(size=64), words, config.pixel_config.num_tokens))


@pytest.fixture(scope="session")
def umind_tiny() -> UMindVL:
    """The model inside the package."""
    assert (EMBEDDED / "model.safetensors").exists(), "the package ships its default model"
    return UMindVL.from_pretrained()
