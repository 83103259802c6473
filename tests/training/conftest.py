"""A workplace for training tests: phantom stores, a tokenizer, a small model to start from."""

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from transformers import PreTrainedTokenizerFast

from umind.backbone.pixels import PixelConfig
from umind.checkpoint import save
from umind.data.corpus import corpus
from umind.data.datamodule import MixtureData
from umind.data.phantom import phantom_sample
from umind.data.store import Store
from umind.decoders.config import DecoderConfig
from umind.model import UMindConfig, UMindModel
from umind.processor.processor import UMindImageProcessor, UMindProcessor
from umind.tokens.tokenizer import train_tokenizer
from umind.training.module import UMindModule

TEXT = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 16,
}


@dataclass(frozen=True)
class Studio:
    """Folders that a training run reads."""

    stores: Path
    tokenizer: Path
    init: Path

    def module(self, **kwargs: object) -> UMindModule:
        """A module that starts from the small model."""
        settings: dict[str, object] = {"learning_rate": 1e-3, "warmup_steps": 3}
        return UMindModule(init=self.init, **(settings | kwargs))

    def data(self, **kwargs: object) -> MixtureData:
        """Batches of two, fifteen of them in an epoch."""
        settings: dict[str, object] = {"batch_size": 2, "num_samples": 30, "val_limit": 2, "num_workers": 0}
        return MixtureData(self.stores, {"phantom": 1.0}, **(settings | kwargs))


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    folder = tmp_path_factory.mktemp("studio")
    stores = folder / "stores"
    for split, seeds in (("train", range(12)), ("val", range(100, 104)), ("test", range(200, 203))):
        Store.write(stores / f"phantom-{split}", [phantom_sample(seed, size=64) for seed in seeds], len(seeds), 64)
    words: PreTrainedTokenizerFast = train_tokenizer(
        corpus([Store(stores / "phantom-train")], num_examples=30, size=64, seed=0), vocab_size=400
    )
    words.save_pretrained(folder / "tokenizer")
    torch.manual_seed(0)
    config = UMindConfig.tiny(vocab_size=len(words), **TEXT)
    config.pixel_config = PixelConfig(encoder="mobilenetv2_035", image_size=64, width=16, mask_channels=8)
    config.decoder_config = DecoderConfig(instance_size=32, kernel_channels=8)
    pixels = config.pixel_config
    processor = UMindProcessor(UMindImageProcessor(size=pixels.image_size), words, pixels.num_tokens)
    save(UMindModel(config), processor, folder / "init")
    return Studio(stores, folder / "tokenizer", folder / "init")
