"""EchoVLM's checkpoints: weights in their published layout, in and out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import save_torch_state_dict
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError, safe_open
from torch import Tensor
from transformers import GenerationConfig, Qwen2VLConfig, Qwen2VLForConditionalGeneration
from transformers.utils import GENERATION_CONFIG_NAME

from umind.backbone.moe.attach import with_experts
from umind.backbone.moe.config import MoEConfig
from umind.schema.errors import CheckpointError

EXPERTS = ".moe.experts."
"""What the names of routed experts' weights have in common, ours and the published ones."""
ARCHITECTURE = "Qwen2VLMOEForConditionalGeneration"
"""Name of the model's class in the published code."""
TEXT_SIZES = (
    *("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads"),
    *("hidden_act", "max_position_embeddings", "initializer_range", "rms_norm_eps", "use_cache", "use_sliding_window"),
    *("sliding_window", "max_window_layers", "attention_dropout", "bos_token_id", "eos_token_id"),
)
"""What a published ``config.json`` says of the language model on its first level, under transformers' names."""
VISION_SIZES = (
    *("depth", "embed_dim", "hidden_size", "hidden_act", "mlp_ratio", "num_heads", "in_channels"),
    *("patch_size", "spatial_merge_size", "temporal_patch_size"),
)
"""What it says of the vision encoder, under ``vision_config``."""


def load_echovlm(folder: str | Path, *, dtype: torch.dtype | None = None) -> Qwen2VLForConditionalGeneration:
    """Model in evaluation mode, from ``config.json`` and safetensors as EchoVLM publishes them.

    With images it wants ``mm_token_type_ids`` beside ``image_grid_thw``, which processors since transformers 5 give.

    Args:
        folder: Where they lie; the weights in one file, or in several with an index.
        dtype: Floating type of the weights; None for the type that they have in the files.

    Raises:
        CheckpointError: A file is missing or broken, or weights are missing, unknown or of another shape, which are named.
    """
    try:
        stored = dict(read_weights(Path(folder)))
        config = read_config(Path(folder), {name: tuple(tensor.shape) for name, tensor in stored.items()})
    except (OSError, ValueError, KeyError, SafetensorError, StrictDataclassError) as error:
        raise CheckpointError(f"no EchoVLM checkpoint could be read from {folder}: {error}") from error
    with torch.device("meta"):
        skeleton = with_experts(Qwen2VLForConditionalGeneration)(config)
    wanted = {name: tensor.shape for name, tensor in skeleton.state_dict().items()}
    if config.tie_word_embeddings:
        del wanted["lm_head.weight"]
        stored.pop("lm_head.weight", None)
    made_of = {name: published_names(name, config) for name in wanted}
    account_for(folder, stored, made_of, wanted)
    weights = {name: torch.cat([stored[part] for part in parts]).view(wanted[name]) for name, parts in made_of.items()}
    model = with_experts(Qwen2VLForConditionalGeneration).from_pretrained(
        None, config=config, state_dict=weights, dtype=dtype or weights["model.language_model.embed_tokens.weight"].dtype
    )
    assert isinstance(model, Qwen2VLForConditionalGeneration)
    if (Path(folder) / GENERATION_CONFIG_NAME).exists():
        model.generation_config = GenerationConfig.from_pretrained(folder)
    return model


def save_echovlm(model: Qwen2VLForConditionalGeneration, folder: str | Path, *, max_shard_size: int | str = "5GB") -> None:
    """Write a model with experts as EchoVLM publishes them, under the published names; nothing pickled.

    Raises:
        ValueError: The model is no Qwen2-VL with experts, or has ``region_prior``, for whose weights the layout has no name.
    """
    numbers = MoEConfig.read(model.config)
    if not isinstance(model.config, Qwen2VLConfig) or numbers is None:
        raise ValueError(f"EchoVLM's layout is for a Qwen2-VL with experts, not for a {type(model).__name__} as this one")
    if numbers.region_prior:
        raise ValueError("EchoVLM's layout has no weights for `region_prior`: save the model with `save_pretrained`")
    weights: dict[str, Tensor] = {}
    for name, tensor in model.state_dict().items():
        parts = published_names(name, model.config)
        whole = tensor.flatten(0, 1) if EXPERTS in name else tensor
        weights |= {part: piece.clone() for part, piece in zip(parts, whole.chunk(len(parts)), strict=True)}
    if model.config.tie_word_embeddings:
        del weights["lm_head.weight"]
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    save_torch_state_dict(weights, folder, max_shard_size=max_shard_size, metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(published_config(model, numbers), indent=2) + "\n", "utf-8")
    model.generation_config.save_pretrained(folder)


def read_weights(folder: Path) -> Iterator[tuple[str, Tensor]]:
    """Every weight of a folder by its published name, mapped from its file and not yet read."""
    index = folder / "model.safetensors.index.json"
    shards = set(json.loads(index.read_text("utf-8"))["weight_map"].values()) if index.exists() else {"model.safetensors"}
    for shard in sorted(shards):
        with safe_open(folder / shard, "pt") as file:
            yield from ((name, file.get_tensor(name)) for name in file.keys())  # noqa: SIM118 (it is no mapping)


def read_config(folder: Path, shapes: Mapping[str, tuple[int, ...]]) -> Qwen2VLConfig:
    """The model's config from a published ``config.json``, with every size that the weights tell taken from them.

    The published code overwrites its config's numbers by constants, so that a folder's may be of another model.
    """
    published = json.loads((folder / "config.json").read_text("utf-8"))
    told = {field.name: published.pop(field.name) for field in fields(MoEConfig) if field.name in published}
    published.pop("output_router_logits", None)  # without effect in the published code, and here
    layer = "model.layers.0"
    choices = shapes[f"{layer}.moe.gate.weight"][0]
    experts = sum(bool(re.fullmatch(rf"{layer}\.moe\.experts\.\d+\.gate_proj\.weight", name)) for name in shapes)
    told |= {
        "num_experts": experts,
        "num_skip_experts": choices - experts,
        "moe_intermediate_size": shapes[f"{layer}.moe.experts.0.gate_proj.weight"][0],
        "shared_expert_intermediate_size": shapes.get(f"{layer}.moe.shared_expert.gate_proj.weight", (0,))[0],
    }
    published["vocab_size"], published["hidden_size"] = shapes["model.embed_tokens.weight"]
    published["intermediate_size"] = shapes[f"{layer}.mlp.gate_proj.weight"][0]
    published["num_hidden_layers"] = sum(name.endswith(".moe.gate.weight") for name in shapes)
    config = Qwen2VLConfig.from_dict(published)
    assert isinstance(config, Qwen2VLConfig)
    MoEConfig(**told).write(config)
    return config


def published_config(model: Qwen2VLForConditionalGeneration, numbers: MoEConfig) -> dict[str, Any]:
    """What stands in ``config.json``: the language model's and the experts' numbers on the first level, the encoder's below."""
    config, text, vision = model.config, model.config.get_text_config(), model.config.vision_config
    rope = dict(text.rope_parameters)
    theta = rope.pop("rope_theta")
    return {
        "architectures": [ARCHITECTURE],
        "model_type": "qwen2_vl",
        **{name: getattr(text, name) for name in TEXT_SIZES},
        **asdict(numbers),
        "rope_theta": theta,
        "rope_scaling": rope | {"type": rope["rope_type"]},
        "tie_word_embeddings": config.tie_word_embeddings,
        "torch_dtype": str(model.dtype).removeprefix("torch."),
        **{name: getattr(config, name) for name in ("image_token_id", "video_token_id")},
        **{name: getattr(config, name) for name in ("vision_start_token_id", "vision_end_token_id")},
        "vision_config": {"model_type": "qwen2_vl"} | {name: getattr(vision, name) for name in VISION_SIZES},
    }


def published_names(name: str, config: Qwen2VLConfig) -> list[str]:
    """Names under which a weight of ours is published: one, or those of the parts that lie on each other in it.

    ``mlp.moe.experts.gate_up_proj`` is the gate and the way up of the first expert, then those of the second, and so on.
    """
    name = re.sub(r"^model\.(visual)|^model\.(language_model)", lambda root: root[1] or "model", name)
    name = re.sub(r"\.mlp\.(dense)|\.mlp\.(moe|coefficient)", lambda part: ".mlp" if part[1] else f".{part[2]}", name)
    if EXPERTS not in name:
        return [name]
    stack, _, kind = name.rpartition(".")
    kinds = ("gate_proj", "up_proj") if kind == "gate_up_proj" else ("down_proj",)
    numbers = MoEConfig.read(config)
    assert numbers is not None
    return [f"{stack}.{expert}.{kind}.weight" for expert in range(numbers.num_experts) for kind in kinds]


def account_for(
    folder: str | Path, stored: Mapping[str, Tensor], made_of: Mapping[str, list[str]], wanted: Mapping[str, torch.Size]
) -> None:
    """Raise a ``CheckpointError`` that names every weight that does not fit, if any."""
    needed = {part: name for name, parts in made_of.items() for part in parts}
    reshaped = [
        f"{part} {tuple(stored[part].shape)}"
        for part, name in needed.items()
        if part in stored and stored[part].shape != piece_shape(name, wanted[name], len(made_of[name]))
    ]
    faults = {"missing": needed.keys() - stored.keys(), "unknown": stored.keys() - needed.keys(), "of another shape": reshaped}
    if any(faults.values()):
        listed = "; ".join(f"{kind}: {', '.join(sorted(names))}" for kind, names in faults.items() if names)
        raise CheckpointError(f"the weights in {folder} do not fit: {listed}")


def piece_shape(name: str, whole: torch.Size, count: int) -> tuple[int, ...]:
    """Shape of one of the ``count`` tensors that a weight of ours is made of."""
    return (whole[0] * whole[1] // count, whole[2]) if EXPERTS in name else tuple(whole)
