"""Loading and saving, where transformers is too forgiving: only safetensors, and every weight accounted for."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any, cast

import torch
from peft import PeftConfig
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import (
    AutoModelForImageTextToText,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2VLImageProcessor,
)
from transformers.utils.hub import cached_file

from umind.backbone.adapter import NAME, PRODUCT, fill_adapter, merge_adapter, task_rows
from umind.backbone.imagenet import at_hand, load_imagenet_mobilenet
from umind.backbone.moe.echovlm import ARCHITECTURE, load_echovlm
from umind.backbone.pixels import PixelConfig
from umind.backbone.quantized import Bits, check_bits, quantise
from umind.backbone.qwen_vl import FAMILIES, is_qwen_vl
from umind.backbone.task_tokens import add_task_tokens
from umind.decoders.config import DecoderConfig
from umind.model import UMindConfig, UMindModel
from umind.processor.processor import UMindImageProcessor, UMindProcessor
from umind.schema.errors import CheckpointError
from umind.tokens.chat import chat_ids

EMBEDDED = Path(__file__).parent / "weights" / "umind-tiny"
"""Folder of the model that ships inside the package."""


def load(
    source: str | Path | None, *, device: str, dtype: str, adapter: str | Path | None = None
) -> tuple[UMindModel, UMindProcessor]:
    """Model in evaluation mode, and processor, from what `locate` takes, with an adapter merged into it if one is given.

    ``dtype`` is that of the language model; pixel encoder and decoders have float32.

    Raises:
        CheckpointError: No config, tokenizer or safetensors weights, or weights missing, unknown or of another shape, which
            are named.
        ValueError: No floating type has this name.
    """
    precision = precision_of(dtype)
    source = locate(source)
    try:
        has_eyes = is_qwen_vl(check_config(source).text_config)
        tokenizer = PreTrainedTokenizerFast.from_pretrained(source)
        patcher = read_patcher(source) if has_eyes else None
        loaded = UMindModel.from_pretrained(
            source, dtype=precision, use_safetensors=True, output_loading_info=True, ignore_mismatched_sizes=True
        )
    except (OSError, RuntimeError, ValueError, KeyError, SafetensorError) as error:
        raise CheckpointError(f"no model could be read from {source}: {error}") from error
    model = cast(UMindModel, accounted(source, loaded))
    for part in (model.pixels, model.regions, model.points):
        part.float()
    if adapter is not None:
        put_on(model, adapter)
    return settled(model, device), processor_for(model, tokenizer, patcher)


def load_backbone(
    source: str | Path,
    *,
    device: str,
    dtype: str,
    pixels: PixelConfig | None = None,
    decoders: DecoderConfig | None = None,
    imagenet: bool = True,
    adapter: str | Path | None = None,
    quantize: Bits | None = None,
) -> tuple[UMindModel, UMindProcessor]:
    """Model in evaluation mode, and processor, around a Qwen-VL; pixel encoder and decoders are fresh, and have yet to learn.

    Args:
        source: Folder or hub id of a model of `umind.backbone.qwen_vl.FAMILIES` in transformers' layout, or folder of one with
            experts in EchoVLM's.
        device: Where to run.
        dtype: Floating type of the Qwen-VL's weights; the fresh parts have float32.
        pixels: Sizes of the pixel encoder; the usual ones when None.
        decoders: Sizes of the decoders; the usual ones when None.
        imagenet: Start the pixel encoder from ImageNet weights where they are at hand.
        adapter: Folder or hub id of what was learnt around this model, to be merged into it; beside weights in ``nf4`` the
            products stay apart, so that they are added to what they learnt beside.
        quantize: Format of the language model's linear layers (`umind.backbone.quantized.quantise`); their own when None.

    Raises:
        CheckpointError: It is no Qwen-VL, a file is missing, the weights are no safetensors or do not fit their config, or the
            adapter is of another model.
        ImportError: The package that quantises is not installed.
        ValueError: No floating type has this name, its chat template is none for images, or it has experts, which are not
            quantised.
    """
    precision = precision_of(dtype)
    if quantize is not None:
        check_bits(quantize)
    try:
        told = json.loads(Path(str(cached_file(str(source), "config.json"))).read_text("utf-8"))
        if told.get("model_type") not in FAMILIES:
            raise ValueError(f"it is a {told.get('model_type')!r} model, and not one of {', '.join(FAMILIES)}")
        published = ARCHITECTURE in (told.get("architectures") or ())
        if published and not Path(source).is_dir():
            raise ValueError("EchoVLM's layout is read from a folder; download it into one")
        tokenizer = cast(PreTrainedTokenizerFast, AutoTokenizer.from_pretrained(source))
        patcher = Qwen2VLImageProcessor.from_pretrained(source)
        loaded = (
            None
            if published
            else AutoModelForImageTextToText.from_pretrained(
                source, dtype=precision, use_safetensors=True, output_loading_info=True, ignore_mismatched_sizes=True
            )
        )
    except (OSError, RuntimeError, ValueError, KeyError, SafetensorError) as error:
        raise CheckpointError(f"no Qwen-VL could be read from {source}: {error}") from error
    backbone = load_echovlm(source, dtype=precision) if published else accounted(source, loaded)
    pixels = pixels or PixelConfig()
    add_task_tokens(backbone, tokenizer)
    ids = chat_ids(tokenizer, backbone.config.image_token_id)
    chosen = backbone.config._attn_implementation, backbone.config._experts_implementation
    config = UMindConfig(
        pixel_config=pixels,
        text_config=backbone.config,
        decoder_config=decoders or DecoderConfig(),
        token_ids=ids.to_dict(),
        tie_word_embeddings=backbone.config.tie_word_embeddings,
        pad_token_id=ids.pad,
        eos_token_id=ids.end,
    )  # which has reset the choice of kernels in what it holds
    backbone.config._attn_implementation, backbone.config._experts_implementation = chosen
    model = UMindModel(config, backbone)
    if imagenet and at_hand(pixels.encoder):
        load_imagenet_mobilenet(model.pixels.encoder)
    if adapter is not None:
        put_on(model, adapter, products=quantize != "nf4")
    if quantize is not None:
        quantise(model, quantize, device)
    return settled(model, device), processor_for(model, tokenizer, patcher)


def precision_of(dtype: str) -> torch.dtype:
    """A floating type by its name.

    Raises:
        ValueError: No floating type has it.
    """
    precision = getattr(torch, dtype, None)
    if not isinstance(precision, torch.dtype) or not precision.is_floating_point:
        raise ValueError(f"{dtype!r} is no floating type of torch, as float32 or bfloat16 are")
    return precision


def processor_for(
    model: UMindModel, tokenizer: PreTrainedTokenizerFast, patcher: Qwen2VLImageProcessor | None
) -> UMindProcessor:
    """The processor that fits a model."""
    pixels, ids = model.config.pixel_config, model.config.ids
    return UMindProcessor(UMindImageProcessor(size=pixels.image_size), tokenizer, pixels.num_tokens, patcher, ids)


def settled(model: UMindModel, device: str) -> UMindModel:
    """The model on its device, in evaluation mode."""
    for tensor in (*model.parameters(), *model.buffers()):
        if type(tensor) in (nn.Parameter, Tensor):  # quantised ones are fresh
            tensor.data = tensor.data.clone()  # mapped from the file it is unaligned, and kernels then round another way
    model.to(device)  # type: ignore[arg-type]
    model.eval()  # type: ignore[no-untyped-call]
    return model


def accounted(source: str | Path, loaded: Any) -> PreTrainedModel:
    """The model of what transformers loaded, if every weight fits."""
    model, report = cast(tuple[PreTrainedModel, dict[str, Any]], loaded)
    account_for(source, report["missing_keys"], report["unexpected_keys"], [str(key[0]) for key in report["mismatched_keys"]])
    return model


def locate(source: str | Path | None) -> str | Path:
    """Folder of the embedded model for None and for its name, unless a folder here bears it; else the folder or hub id."""
    if source is None or (str(source) == EMBEDDED.name and not Path(source).is_dir()):
        return EMBEDDED
    return source


def check_config(source: str | Path) -> UMindConfig:
    """The config; a folder without one of this model is refused: transformers would build one of 8 billion weights.

    Raises:
        ValueError: The config is of another model, or says nothing about the language model.
    """
    config = json.loads(Path(str(cached_file(str(source), "config.json"))).read_text("utf-8"))
    if config.get("model_type") != UMindConfig.model_type or not config.get("text_config"):
        raise ValueError(f"its config.json is of a {config.get('model_type')!r} model and not of a 'umind' one")
    return UMindConfig.from_dict(config)


def read_patcher(source: str | Path) -> Qwen2VLImageProcessor:
    """What a Qwen-VL's vision tower gets its patches from."""
    said = json.loads(Path(str(cached_file(str(source), "processor_config.json"))).read_text("utf-8"))
    patcher: Qwen2VLImageProcessor = Qwen2VLImageProcessor.from_dict(said["patcher"])
    return patcher


def put_on(model: UMindModel, adapter: str | Path, *, products: bool = True) -> None:
    """Merge an adapter, from a folder or a hub id, into a model; its products stay beside their weights if told so.

    Raises:
        CheckpointError: There is none, it is pickled, or it is of another model; what does not fit is named.
    """
    config, weights = read_adapter(model, adapter)
    try:
        model.add_adapter(config)
    except (RuntimeError, ValueError) as error:
        raise CheckpointError(f"no adapter could be read from {adapter}: {error}") from error
    account_for(adapter, *fill_adapter(model, weights), holder="the model")
    merge_adapter(model, products=products)


def go_on(model: UMindModel, adapter: str | Path) -> None:
    """Let the adapter that a model carries begin with what an earlier one learnt; products that are new stay at zero.

    Raises:
        CheckpointError: There is no earlier one, or it is of another model or size; what does not fit is named.
    """
    config, weights = read_adapter(model, adapter)
    here = cast(Any, model).peft_config[NAME].lora_alpha
    if config.lora_alpha != here and any(PRODUCT in name for name in weights):
        raise CheckpointError(f"the products in {adapter} were learnt with an alpha of {config.lora_alpha}, and not of {here}")
    missing, unknown, reshaped = fill_adapter(model, weights)
    account_for(adapter, [name for name in missing if PRODUCT not in name], unknown, reshaped, holder="the model")


def read_adapter(model: UMindModel, adapter: str | Path) -> tuple[Any, dict[str, Tensor]]:
    """Numbers and weights of an adapter that is of a model's vocabulary; peft would fall back to a pickled one.

    Raises:
        CheckpointError: There is none, or it teaches other rows.
    """
    try:
        weights = load_file(str(cached_file(str(adapter), "adapter_model.safetensors")))
        config: Any = PeftConfig.from_pretrained(str(adapter))
    except (OSError, RuntimeError, TypeError, ValueError, SafetensorError) as error:
        raise CheckpointError(f"no adapter could be read from {adapter}: {error}") from error
    there, here = config.trainable_token_indices or {}, task_rows(model)
    if there and there != here:
        raise CheckpointError(f"the adapter in {adapter} is of another model: it teaches rows {there}, and here are {here}")
    return config, weights


def account_for(
    source: str | Path,
    missing: Collection[str],
    unknown: Collection[str],
    reshaped: Collection[str] = (),
    *,
    holder: str = "their config",
) -> None:
    """Raise a ``CheckpointError`` that names every weight that does not fit its holder, if any."""
    faults = {"missing": missing, "unknown": unknown, "of another shape": reshaped}
    if any(faults.values()):
        listed = "; ".join(f"{kind}: {', '.join(sorted(names))}" for kind, names in faults.items() if names)
        raise CheckpointError(f"the weights in {source} do not fit {holder}: {listed}")


def save(model: UMindModel, processor: UMindProcessor, folder: Path) -> None:
    """Config, safetensors, tokenizer and processor; nothing pickled."""
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
