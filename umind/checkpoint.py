"""Loading and saving, where transformers is too forgiving: only safetensors, and every weight accounted for."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError
from transformers import PreTrainedTokenizerFast
from transformers.utils.hub import cached_file

from umind.backbone.adapter import merge_adapter
from umind.model import UMindConfig, UMindModel
from umind.processor.processor import UMindImageProcessor, UMindProcessor
from umind.schema.errors import CheckpointError

EMBEDDED = Path(__file__).parent / "weights" / "umind-tiny"
"""Folder of the model that ships inside the package."""


def load(
    source: str | Path | None, *, device: str, dtype: str, adapter: str | Path | None = None
) -> tuple[UMindModel, UMindProcessor]:
    """Model in evaluation mode, and processor, from what `locate` takes, with an adapter merged into it if one is given.

    Raises:
        CheckpointError: No config, tokenizer or safetensors weights, or weights missing, unknown or of another shape, which
            are named.
        ValueError: No floating type has this name.
    """
    precision = getattr(torch, dtype, None)
    if not isinstance(precision, torch.dtype) or not precision.is_floating_point:
        raise ValueError(f"{dtype!r} is no floating type of torch, as float32 or bfloat16 are")
    source = locate(source)
    try:
        check_config(source)
        tokenizer = PreTrainedTokenizerFast.from_pretrained(source)
        loaded = UMindModel.from_pretrained(
            source, dtype=precision, use_safetensors=True, output_loading_info=True, ignore_mismatched_sizes=True
        )
    except (OSError, RuntimeError, ValueError, KeyError, SafetensorError) as error:
        raise CheckpointError(f"no model could be read from {source}: {error}") from error
    model, report = cast(tuple[UMindModel, dict[str, Any]], loaded)
    account_for(source, report["missing_keys"], report["unexpected_keys"], [str(key[0]) for key in report["mismatched_keys"]])
    pixels = model.config.pixel_config
    processor = UMindProcessor(UMindImageProcessor(size=pixels.image_size), tokenizer, pixels.num_tokens)
    if adapter is not None:
        put_on(model, adapter)
    for tensor in (*model.parameters(), *model.buffers()):
        tensor.data = tensor.data.clone()  # mapped from the file it is unaligned, and kernels then round another way
    model.to(device)  # type: ignore[arg-type]
    model.eval()  # type: ignore[no-untyped-call]
    return model, processor


def locate(source: str | Path | None) -> str | Path:
    """Folder of the embedded model for None and for its name, unless a folder here bears it; else the folder or hub id."""
    if source is None or (str(source) == EMBEDDED.name and not Path(source).is_dir()):
        return EMBEDDED
    return source


def check_config(source: str | Path) -> None:
    """Refuse a folder without a config of this model; transformers would build one of its default size, 8 billion weights.

    Raises:
        ValueError: The config is of another model, or says nothing about the language model.
    """
    config = json.loads(Path(str(cached_file(str(source), "config.json"))).read_text("utf-8"))
    if config.get("model_type") != UMindConfig.model_type or not config.get("text_config"):
        raise ValueError(f"its config.json is of a {config.get('model_type')!r} model and not of a 'umind' one")


def put_on(model: UMindModel, adapter: str | Path) -> None:
    """Merge a LoRA adapter, from a folder or a hub id, into a model; transformers would fall back to a pickled one."""
    try:
        cached_file(str(adapter), "adapter_model.safetensors")
        report = model.load_adapter(str(adapter))
    except (OSError, RuntimeError, SafetensorError) as error:
        raise CheckpointError(f"no adapter could be read from {adapter}: {error}") from error
    account_for(adapter, report.missing_keys, report.unexpected_keys)
    merge_adapter(model)


def account_for(source: str | Path, missing: Collection[str], unknown: Collection[str], reshaped: Collection[str] = ()) -> None:
    """Raise a ``CheckpointError`` that names every weight that does not fit, if any."""
    faults = {"missing": missing, "unknown": unknown, "of another shape": reshaped}
    if any(faults.values()):
        listed = "; ".join(f"{kind}: {', '.join(sorted(names))}" for kind, names in faults.items() if names)
        raise CheckpointError(f"the weights in {source} do not fit their config: {listed}")


def save(model: UMindModel, processor: UMindProcessor, folder: Path) -> None:
    """Config, safetensors, tokenizer and processor; nothing pickled."""
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
