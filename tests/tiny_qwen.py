"""Qwen-VL models of the real classes, tiny and random, saved as their makers save them."""

import json
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import (
    PreTrainedModel,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2Tokenizer,
    Qwen2VLConfig,
    Qwen2VLForConditionalGeneration,
    Qwen2VLImageProcessor,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    Qwen3VLMoeConfig,
    Qwen3VLMoeForConditionalGeneration,
)

from umind import UMindVL
from umind.backbone.pixels import PixelConfig
from umind.data.collate import Collator
from umind.data.examples import build_example
from umind.data.labelled import labelled
from umind.data.phantom import phantom_sample
from umind.decoders.config import DecoderConfig
from umind.processor.processor import UMindProcessor
from umind.schema.batch import Batch
from umind.training.module import UMindModule

WORDS = ["segment the cyst", "find every lesion", "is it benign or malignant", "yes no", "a short report of the image"]
MARKS = (
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
    *("<|vision_start|>", "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>"),
)
SYSTEM = (
    "{% if loop.first and message['role'] != 'system' %}<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n{% endif %}"
)
TURNS = (
    "{% for message in messages %}" + SYSTEM + "<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}<|im_end|>\n{% else %}"
    "{% for content in message['content'] %}"
    "{% if content['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif 'text' in content %}{{ content['text'] }}{% endif %}"
    "{% endfor %}<|im_end|>\n{% endif %}{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""Qwen2-VL's chat template, without what it says of videos; Qwen3-VL's has no system turn of its own."""

TEXT = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1}
TEXT |= {"initializer_range": 0.3, "max_position_embeddings": 512, "head_dim": 16}
TEXT |= {"rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [2, 3, 3]}}
VISION = {"depth": 2, "num_heads": 2, "patch_size": 4, "spatial_merge_size": 2, "temporal_patch_size": 2}
VISION |= {"initializer_range": 0.3}
TOWER_25 = {"hidden_size": 16, "intermediate_size": 24, "out_hidden_size": 32, "window_size": 16, "fullatt_block_indexes": [1]}
TOWER_3 = {"hidden_size": 16, "intermediate_size": 24, "out_hidden_size": 32, "num_position_embeddings": 16}
TOWER_3 |= {"deepstack_visual_indexes": [0, 1]}
WIDE = {"hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 4}
"""Widths that are multiples of 64, as all real ones are."""
MOE = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16, "decoder_sparse_step": 1}

FAMILIES = {
    "qwen2_vl": (
        Qwen2VLForConditionalGeneration,
        Qwen2VLConfig,
        {},
        {"embed_dim": 16, "hidden_size": 32, "mlp_ratio": 2},
    ),
    "qwen2_5_vl": (Qwen2_5_VLForConditionalGeneration, Qwen2_5_VLConfig, {}, TOWER_25),
    "qwen3_vl": (Qwen3VLForConditionalGeneration, Qwen3VLConfig, {}, TOWER_3),
    "qwen3_vl_moe": (Qwen3VLMoeForConditionalGeneration, Qwen3VLMoeConfig, MOE, TOWER_3),
}
TIED = ("qwen2_5_vl", "qwen3_vl")
ROOMY = ("qwen2_vl", "qwen3_vl")
"""Families whose tables are larger than the vocabulary here, as all real ones are."""

SIDE = 64
PIXELS = PixelConfig(encoder="mobilenetv2_035", image_size=SIDE, width=16, mask_channels=8)
DECODERS = DecoderConfig(instance_size=32, kernel_channels=8, max_instances=4)


def tokenizer(family: str) -> Qwen2Tokenizer:
    """Byte-level BPE, with the marks behind the words, as Qwen has them."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    bpe.train_from_iterator(WORDS, trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, show_progress=False))
    learnt = json.loads(bpe.to_str())["model"]
    words = Qwen2Tokenizer(vocab=learnt["vocab"], merges=[tuple(merge) for merge in learnt["merges"]], pad_token=MARKS[0])
    words.add_special_tokens({"eos_token": MARKS[2], "additional_special_tokens": list(MARKS)})
    words.chat_template = TURNS if family.startswith("qwen2") else TURNS.replace(SYSTEM, "")
    return words


def backbone(family: str, folder: Path, *, wide: bool = False) -> Path:
    """Write model, tokenizer and image processor of a family; the same every time."""
    torch.manual_seed(0)
    model_class, config_class, text, vision = FAMILIES[family]
    if wide:
        text, vision = text | WIDE, vision | {"out_hidden_size": WIDE["hidden_size"]}
    words = tokenizer(family)
    ids = dict(zip(MARKS, words.convert_tokens_to_ids(list(MARKS)), strict=True))
    rows = len(words) + (32 if family in ROOMY else 0)
    config = config_class(
        text_config=TEXT | text | {"vocab_size": rows, "pad_token_id": None, "bos_token_id": None, "eos_token_id": None},
        vision_config=VISION | vision,
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
        tie_word_embeddings=family in TIED,
    )
    model: PreTrainedModel = model_class(config)
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    size = {"shortest_edge": 16 * 16, "longest_edge": 40 * 40}
    Qwen2VLImageProcessor(patch_size=4, merge_size=2, temporal_patch_size=2, size=size).save_pretrained(folder)
    return folder


def build(family: str, folder: Path) -> UMindVL:
    """A tiny umind around it, the same every time."""
    backbone(family, folder)
    torch.manual_seed(1)
    model = UMindVL.from_backbone(folder, pixels=PIXELS, decoders=DECODERS)
    for name, buffer in model.model.pixels.named_buffers():  # statistics that no fresh network has
        if name.endswith("running_mean"):
            buffer.copy_(0.1 * torch.randn_like(buffer))
    return model


def phantoms(processor: UMindProcessor, size: int) -> Batch:
    """Two phantoms and what is asked about them."""
    rngs = (np.random.default_rng(seed) for seed in range(2))
    examples = [build_example(labelled(phantom_sample(k, size=size), size), rng) for k, rng in enumerate(rngs)]
    return Collator(processor)(examples)


def learn(module: UMindModule, batch: Batch, num_steps: int = 30, *, half: bool = False) -> list[float]:
    """Losses of some steps on one batch, over what may learn; ``half`` as with ``precision: bf16-mixed``."""
    learns = [parameter for parameter in module.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(learns, lr=3e-3)
    losses = []
    for _ in range(num_steps):
        optimiser.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            loss, _, _ = module.step(batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learns, 1.0)
        optimiser.step()
        losses.append(float(loss.detach()))
    return losses
