from dataclasses import replace

import pytest
import torch
from families import SMALL, dual_path, plain_layer
from hypothesis import given, settings
from hypothesis import strategies as st

from umind.backbone.moe.config import MoEConfig
from umind.backbone.moe.experts import Experts
from umind.backbone.moe.router import Routing

OPTIONS = {
    "as published": {},
    "normalised": {"norm_topk_prob": True},
    "one expert": {"num_experts_per_tok": 1},
    "all experts": {"num_experts_per_tok": 4},
    "no shared expert": {"shared_expert_intermediate_size": 0},
    "mass": {"router_mass": 0.7},
    "normalised mass": {"router_mass": 0.4, "norm_topk_prob": True},
    "skips": {"num_skip_experts": 3},
    "skips and mass": {"num_skip_experts": 3, "router_mass": 0.8},
}


@settings(max_examples=40)
@given(
    hidden_size=st.integers(1, 9),
    tokens=st.integers(1, 6),
    experts=st.integers(1, 5),
    skips=st.integers(0, 2),
    widths=st.tuples(st.integers(1, 7), st.integers(0, 6), st.integers(1, 8)),
    mass=st.none() | st.floats(0.05, 1),
    normal=st.booleans(),
    data=st.data(),
)
def test_layer_is_the_formula_at_every_size(
    hidden_size: int,
    tokens: int,
    experts: int,
    skips: int,
    widths: tuple[int, int, int],
    mass: float | None,
    normal: bool,
    data: st.DataObject,
) -> None:
    config = MoEConfig(
        num_experts=experts,
        num_experts_per_tok=data.draw(st.integers(1, experts + skips)),
        moe_intermediate_size=widths[0],
        shared_expert_intermediate_size=widths[1],
        router_mass=mass,
        num_skip_experts=skips,
        norm_topk_prob=normal,
    )
    layer = dual_path(config, hidden_size, widths[2])
    hidden = torch.randn(1, tokens, hidden_size)
    expected = plain_layer(layer, hidden[0])
    torch.testing.assert_close(layer(hidden)[0].double(), expected, atol=2e-5, rtol=2e-5)
    torch.testing.assert_close(layer.double()(hidden.double())[0], expected, atol=1e-6, rtol=1e-6)  # the router stays float32


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_gradients_are_the_formulas(options: dict[str, float]) -> None:
    layer = dual_path(replace(SMALL, **options), 16, 20)
    hidden = torch.randn(2, 9, 16, requires_grad=True)
    weight = torch.randn(2, 9, 16)
    inputs = (hidden, *layer.parameters())
    ours = torch.autograd.grad((layer(hidden) * weight).sum(), inputs)
    plain = torch.autograd.grad((plain_layer(layer, hidden.flatten(0, 1)) * weight.flatten(0, 1)).sum(), inputs)
    for one, other in zip(ours, plain, strict=True):
        assert other.abs().max() > 0
        torch.testing.assert_close(one, other, atol=2e-4, rtol=2e-4)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@torch.no_grad()
def test_batch_equals_one_by_one(options: dict[str, float]) -> None:
    layer = dual_path(replace(SMALL, **options), 16, 20)
    hidden = torch.randn(3, 5, 16)
    alone = torch.stack([layer(hidden[row : row + 1, token : token + 1])[0, 0] for row in range(3) for token in range(5)])
    torch.testing.assert_close(layer(hidden).flatten(0, 1), alone, atol=1e-5, rtol=1e-5)


def test_choices_that_are_no_expert_give_nothing_and_touch_nothing() -> None:
    config = replace(SMALL, num_skip_experts=1)
    experts = Experts(16, config, torch.nn.SiLU())
    chosen = torch.tensor([[[4, 0], [4, 4], [2, 4]]])  # 4 is the skip expert
    weights = torch.ones(1, 3, 2, requires_grad=True)
    hidden = torch.randn(1, 3, 16, requires_grad=True)
    out = experts(hidden, Routing(torch.zeros(1, 3, 5), chosen, weights, 4))
    out.sum().backward()
    assert torch.equal(out[0, 1], torch.zeros(16))
    assert out[0, 0].abs().min() > 0
    assert hidden.grad is not None
    assert torch.equal(hidden.grad[0, 1], torch.zeros(16))
    assert hidden.grad.isfinite().all()
    assert weights.grad is not None
    assert torch.equal(weights.grad == 0, chosen == 4)
    gradient = experts.gate_up_proj.grad
    assert gradient is not None
    assert [bool(one.any()) for one in gradient] == [True, False, True, False]


@torch.no_grad()
def test_autocast_computes_the_experts_in_its_type() -> None:
    layer = dual_path(SMALL, 16, 24)
    hidden = torch.randn(1, 6, 16)
    routing = layer.moe.gate(hidden)
    with torch.autocast("cpu", torch.bfloat16):
        made = layer.moe.experts(hidden, routing)
    expected = layer.moe.experts(hidden, routing)
    assert not torch.equal(made, expected)
    assert (made - expected).abs().max() < 0.02 * expected.abs().max()


def test_bfloat16() -> None:
    layer = dual_path(SMALL, 16, 24).bfloat16()
    out = layer(torch.randn(1, 6, 16, dtype=torch.bfloat16))
    assert out.dtype == torch.bfloat16
    out.sum().backward()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in layer.parameters())


def test_mixture_and_block_share_by_the_coefficient() -> None:
    layer = dual_path(SMALL, 16, 24)
    hidden = torch.randn(1, 4, 16)
    torch.nn.init.zeros_(layer.coefficient.weight)
    layer.coefficient.bias.data = torch.tensor([60.0, -60.0])
    torch.testing.assert_close(layer(hidden), layer.moe(hidden))
    layer.coefficient.bias.data = torch.tensor([-60.0, 60.0])
    torch.testing.assert_close(layer(hidden), layer.dense(hidden))
