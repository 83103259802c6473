"""Tiny random models of the real classes, and the layer written out plainly."""

import torch
from torch import Tensor, nn
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen2VLConfig,
    Qwen2VLForConditionalGeneration,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
)

from umind.backbone.moe.config import MoEConfig
from umind.backbone.moe.dual_path import DualPath, SwiGLU

TEXT = {
    "vocab_size": 96,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 128,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
MROPE = {"rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [2, 3, 3]}}
VISION = {"depth": 1, "num_heads": 2, "patch_size": 4, "spatial_merge_size": 2, "temporal_patch_size": 2}
TOKENS = {"image_token_id": 90, "video_token_id": 91, "vision_start_token_id": 92, "vision_end_token_id": 93}
SMALL = MoEConfig(moe_intermediate_size=24, shared_expert_intermediate_size=40)


def qwen2_vl() -> Qwen2VLForConditionalGeneration:
    vision = VISION | {"embed_dim": 16, "hidden_size": 32, "mlp_ratio": 2}
    return Qwen2VLForConditionalGeneration(Qwen2VLConfig(text_config=TEXT | MROPE, vision_config=vision, **TOKENS))


def qwen2_5_vl() -> Qwen2_5_VLForConditionalGeneration:
    vision = VISION | {"hidden_size": 16, "intermediate_size": 24, "out_hidden_size": 32, "window_size": 16}
    vision |= {"fullatt_block_indexes": [0]}
    return Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig(text_config=TEXT | MROPE, vision_config=vision, **TOKENS))


def qwen3_vl() -> Qwen3VLForConditionalGeneration:
    vision = VISION | {"hidden_size": 16, "intermediate_size": 24, "out_hidden_size": 32, "num_position_embeddings": 16}
    vision |= {"deepstack_visual_indexes": [0]}
    text = TEXT | {"head_dim": 16, **MROPE}
    return Qwen3VLForConditionalGeneration(Qwen3VLConfig(text_config=text, vision_config=vision, **TOKENS))


FAMILIES = {
    "llama": lambda: LlamaForCausalLM(LlamaConfig(**TEXT)),
    "qwen2": lambda: Qwen2ForCausalLM(Qwen2Config(**TEXT)),
    "qwen3": lambda: Qwen3ForCausalLM(Qwen3Config(**TEXT | {"head_dim": 16})),
    "qwen2_vl": qwen2_vl,
    "qwen2_5_vl": qwen2_5_vl,
    "qwen3_vl": qwen3_vl,
}


def dense_model(family: str = "qwen3", seed: int = 0) -> PreTrainedModel:
    torch.manual_seed(seed)
    model: PreTrainedModel = FAMILIES[family]().eval()
    return model


def words(rows: int = 2, length: int = 7) -> Tensor:
    return torch.randint(3, 80, (rows, length), generator=torch.Generator().manual_seed(5))


def plain_block(block: nn.Module, hidden: Tensor) -> Tensor:
    gate, up, down = (getattr(block, f"{name}_proj").weight.double() for name in ("gate", "up", "down"))
    return (nn.functional.silu(hidden @ gate.T) * (hidden @ up.T)) @ down.T


def plain_layer(layer: DualPath, hidden: Tensor, prior: Tensor | None = None) -> Tensor:
    """The formula, in float64, token by token and expert by expert; ``hidden`` is ``(N, D)``."""
    config, moe = layer.moe.config, layer.moe
    hidden = hidden.double()
    out = torch.zeros_like(hidden)
    for n, h in enumerate(hidden):
        logits = moe.gate.weight.double() @ h
        if prior is not None:
            logits = logits + prior[n].double()
        p = logits.softmax(0)
        order = p.argsort(descending=True).tolist()
        if config.router_mass is None:
            chosen = order[: config.num_experts_per_tok]
        else:
            chosen, reached = [], 0.0
            while reached < config.router_mass and len(chosen) < len(order):
                chosen.append(order[len(chosen)])
                reached += p[chosen[-1]].item()
        scale = p[chosen].sum() if config.norm_topk_prob else 1.0
        mixed = torch.zeros_like(h)
        for e in chosen:
            if e < config.num_experts:
                gate, up = moe.experts.gate_up_proj[e].double().chunk(2)
                made = moe.experts.down_proj[e].double() @ (nn.functional.silu(gate @ h) * (up @ h))
            else:
                made = h
            mixed = mixed + p[e] / scale * made
        if config.shared_expert_intermediate_size:
            gate = (moe.shared_expert_gate.weight.double() @ h).sigmoid()
            mixed = mixed + gate * plain_block(moe.shared_expert, h)
        c = (layer.coefficient.weight.double() @ h + layer.coefficient.bias.double()).softmax(0)
        out[n] = c[0] * mixed + c[1] * plain_block(layer.dense, h)
    return out


def dual_path(config: MoEConfig, hidden_size: int, width: int, seed: int = 0) -> DualPath:
    """A layer with weights large enough that everything in it matters."""
    torch.manual_seed(seed)
    layer = DualPath(SwiGLU(hidden_size, width, nn.SiLU()), hidden_size, config)
    for parameter in layer.parameters():
        nn.init.normal_(parameter, std=0.5)
    return layer
