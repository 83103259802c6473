"""The models that are compared, and the one start of all.

Two have a sparse block beside every dense one. In the one a token takes two of four experts of 192 neurons, in the other it
takes the only one, of 384: as many neurons work for a token, and what differs is that a router chooses them. Weights of the
chosen sum to 1, other than in EchoVLM, since a lone expert's weight is 1 too. So with a router that took the first two in equal
parts, whatever the token, the one would begin as the other does.

The others are the one that chooses, each with one option of `MoEConfig`: experts until their probabilities reach a mass, so
more or fewer than two of them; a fifth choice that computes nothing; a prior from the visual tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import torch
from jaxtyping import Float
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from umind.backbone.moe.attach import dual_paths
from umind.backbone.moe.config import MoEConfig
from umind.backbone.moe.upcycle import upcycle
from umind.checkpoint import EMBEDDED, load, processor_for
from umind.model import UMindConfig, UMindModel
from umind.processor.processor import UMindProcessor

MOE, DENSE, MASS, SKIP, REGION = "moe", "dense", "mass", "skip", "region"
CHOOSING = MoEConfig(
    num_experts=4,
    num_experts_per_tok=2,
    moe_intermediate_size=192,
    shared_expert_intermediate_size=768,
    norm_topk_prob=True,
    router_aux_loss_coef=0.001,
    router_z_loss_coef=0.001,
)
ALWAYS_ON = replace(
    CHOOSING,
    num_experts=1,
    num_experts_per_tok=1,
    moe_intermediate_size=CHOOSING.num_experts_per_tok * CHOOSING.moe_intermediate_size,
)
ARMS: Mapping[str, MoEConfig] = MappingProxyType(
    {
        MOE: CHOOSING,
        DENSE: ALWAYS_ON,
        MASS: replace(CHOOSING, router_mass=0.6),
        SKIP: replace(CHOOSING, num_skip_experts=1),
        REGION: replace(CHOOSING, region_prior=True),
    }
)
"""Experts of each model."""


@dataclass(frozen=True)
class Size:
    """Parameters of a language model, its words among them.

    Args:
        total: All.
        active: Without the experts that a token does not take on average, and without routers.
        routers: Those of the routers.
        taken: How many experts of a layer a token takes on average.
    """

    total: int
    active: int
    routers: int
    taken: float


def size_of(model: UMindModel, taken: float) -> Size:
    """Count a language model with experts, of which a token takes so many on average."""
    total = sum(parameter.numel() for parameter in model.language.parameters())
    idle, routers = 0.0, 0
    for path in dual_paths(model).values():
        every = sum(parameter.numel() for parameter in path.moe.experts.parameters())
        idle += every * (1 - taken / path.moe.config.num_experts)
        routers += sum(parameter.numel() for parameter in path.moe.gate.parameters())
    return Size(total, round(total - idle) - routers, routers, taken)


def build(arm: str, tokenizer: Path, *, source: Path = EMBEDDED, seed: int = 0) -> tuple[UMindModel, UMindProcessor]:
    """A model at its start: umind-tiny with other words, and experts that begin as parts of its dense blocks.

    All models have seen what umind-tiny has seen, and nothing more. All but the language model is frozen.

    Args:
        arm: Key of `ARMS`.
        tokenizer: Folder of the words; umind-tiny's own spell Chinese byte by byte.
        source: Folder of a dense model.
        seed: Of the routers.
    """
    model, processor = load(source, device="cpu", dtype="float32")
    model, processor = with_words(model, processor, PreTrainedTokenizerFast.from_pretrained(tokenizer))
    torch.manual_seed(seed)
    upcycle(model.language, ARMS[arm])
    for part in (model.pixels, model.regions, model.points):
        part.requires_grad_(False)
    return model, processor


def with_words(
    model: UMindModel, processor: UMindProcessor, tokenizer: PreTrainedTokenizerFast
) -> tuple[UMindModel, UMindProcessor]:
    """The same model, in evaluation mode, with the words of another tokenizer of umind's making."""
    config = UMindConfig.from_dict(model.config.to_dict())
    config.get_text_config().vocab_size = len(tokenizer)
    table = model.get_input_embeddings().get_parameter("weight").detach()
    rows = spelt_rows(table, processor.tokenizer, tokenizer)
    renamed = UMindModel(config).eval()  # type: ignore[no-untyped-call]
    renamed.load_state_dict(model.state_dict() | {"language.embed_tokens.weight": rows, "lm_head.weight": rows})
    return renamed, processor_for(renamed, tokenizer, None)


def spelt_rows(table: Float[Tensor, "v d"], old: PreTrainedTokenizerFast, new: PreTrainedTokenizerFast) -> Float[Tensor, "w d"]:
    """A row for each new token: the mean of the rows of the old tokens that spell it; special tokens keep theirs."""
    known, pieces = old.get_vocab(), old.backend_tokenizer.model
    rows = table.new_empty(len(new), table.shape[1])
    for token, place in new.get_vocab().items():
        spelling = [known[token]] if token in known else [piece.id for piece in pieces.tokenize(token)]
        rows[place] = table[spelling].mean(0)
    return rows
