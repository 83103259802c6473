"""Loading and saving, where transformers is too forgiving: only safetensors, and every weight accounted for."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import PreTrainedTokenizerFast

from umind.model import UMindModel
from umind.processor.processor import UMindImageProcessor, UMindProcessor
from umind.schema.errors import CheckpointError

EMBEDDED = Path(__file__).parent / "weights" / "umind-tiny"
"""Folder of the model that ships inside the package."""


def load(
    source: str | Path, *, device: str, dtype: str, adapter: str | Path | None = None
) -> tuple[UMindModel, UMindProcessor]:
    """Model in evaluation mode, and processor, from a folder or a hub id, with an adapter on top if one is given.

    Raises:
        CheckpointError: No safetensors weights there, or weights missing, unknown or of another shape; each is named.
    """
    try:
        model, report = UMindModel.from_pretrained(
            source, dtype=getattr(torch, dtype), use_safetensors=True, output_loading_info=True, ignore_mismatched_sizes=True
        )
    except (OSError, RuntimeError) as error:
        raise CheckpointError(f"no model could be read from {source}: {error}") from error
    faults = {
        "missing": sorted(report["missing_keys"]),
        "unknown": sorted(report["unexpected_keys"]),
        "of another shape": sorted(str(key[0]) for key in report["mismatched_keys"]),
    }
    if any(faults.values()):
        listed = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in faults.items() if names)
        raise CheckpointError(f"the weights in {source} do not fit their config: {listed}")
    pixels = model.config.pixel_config
    tokenizer = PreTrainedTokenizerFast.from_pretrained(source)
    processor = UMindProcessor(UMindImageProcessor(size=pixels.image_size), tokenizer, pixels.num_tokens)
    if adapter is not None:
        model.load_adapter(str(adapter))
    return model.to(device).eval(), processor


def save(model: UMindModel, processor: UMindProcessor, folder: Path) -> None:
    """Config, safetensors, tokenizer and processor; nothing pickled."""
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
