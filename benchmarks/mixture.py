"""Experts of a layer as grouped products, and as the loop over experts that they take the place of."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.prompts import Call, Setting
from umind.backbone.moe.config import MoEConfig
from umind.backbone.moe.experts import Experts
from umind.backbone.moe.router import Router, Routing

HIDDEN, TOKENS = 1536, 1024
"""Width of a language model of 2 billion weights (Qwen2-VL-2B), and tokens of a sequence; experts are those of `MoEConfig`."""


def loop(experts: Experts, hidden: Float[Tensor, "b l d"], routing: Routing) -> Float[Tensor, "b l d"]:
    """The same sum, expert by expert: take its tokens, multiply, add to where they came from."""
    states, chosen, weights = hidden.flatten(0, 1), routing.experts.flatten(0, 1), routing.weights.flatten(0, 1)
    mixed = torch.zeros_like(states)
    for number in range(experts.num_experts):
        rows, places = (chosen == number).nonzero(as_tuple=True)
        gate, up = functional.linear(states[rows], experts.gate_up_proj[number]).chunk(2, -1)
        made = functional.linear(experts.act_fn(gate) * up, experts.down_proj[number])
        mixed = mixed.index_add(0, rows, made * weights[rows, places, None])
    return mixed.view_as(hidden)


def forward(setting: Setting, improved: bool) -> Call:
    """Forward alone, in evaluation."""
    experts, hidden, routing = layer(setting)
    if improved:
        return Call(lambda: experts(hidden, routing), setting.batch * TOKENS)
    return Call(lambda: loop(experts, hidden, routing), setting.batch * TOKENS)


def forward_and_backward(setting: Setting, improved: bool) -> Call:
    """With the gradients of states and weights."""
    experts, hidden, routing = layer(setting)
    hidden.requires_grad_()

    def run() -> None:
        with torch.enable_grad():
            hidden.grad = None
            experts.zero_grad()
            mixed = experts(hidden, routing) if improved else loop(experts, hidden, routing)
            mixed.sum().backward()

    return Call(run, setting.batch * TOKENS)


def layer(setting: Setting) -> tuple[Experts, Float[Tensor, "b l d"], Routing]:
    """Random experts, states, and what a random router makes of these; bf16 on an accelerator, as there in training."""
    torch.manual_seed(0)
    config = MoEConfig()
    dtype = torch.float32 if setting.device == "cpu" else torch.bfloat16
    experts = Experts(HIDDEN, config, nn.SiLU()).to(setting.device, dtype)
    router = Router(HIDDEN, config).to(setting.device, dtype)
    hidden = torch.randn(setting.batch, TOKENS, HIDDEN, device=setting.device, dtype=dtype)
    routing: Routing = router(hidden)
    return experts, hidden, routing
