from dataclasses import replace

import pytest
import torch
from families import FAMILIES, SMALL, TEXT, dense_model, words
from transformers import LlamaConfig, LlamaForCausalLM

from umind.backbone.moe.attach import dual_paths, new_parameters
from umind.backbone.moe.config import MoEConfig
from umind.backbone.moe.dual_path import SwiGLU
from umind.backbone.moe.upcycle import copy_neurons, start_weight, upcycle

DENSE = 48
"""Width of the dense blocks in ``families``."""
WHOLE = replace(SMALL, moe_intermediate_size=2 * DENSE, shared_expert_intermediate_size=DENSE)
"""Every expert can hold all of the dense block."""


def block(width: int) -> SwiGLU:
    torch.manual_seed(0)
    return SwiGLU(6, width, torch.nn.SiLU())


def part(start: int, width: int, dense: SwiGLU) -> SwiGLU:
    made = SwiGLU(6, width, torch.nn.SiLU())
    for name, weight in zip(("gate_proj", "up_proj", "down_proj"), copy_neurons(dense, start, width), strict=True):
        getattr(made, name).weight.data = weight
    return made


@pytest.mark.parametrize("width", [8, 9, 16, 21, 24])
@pytest.mark.parametrize("start", [0, 5])
def test_window_as_wide_as_the_block_or_wider_is_the_block(start: int, width: int) -> None:
    dense, hidden = block(8), torch.randn(5, 6)
    torch.testing.assert_close(part(start, width, dense)(hidden), dense(hidden))


def test_mean_over_windows_that_cover_the_block_is_the_block() -> None:
    dense, hidden = block(8), torch.randn(5, 6)
    for width, count in ((2, 4), (4, 2), (6, 4), (1, 8)):
        made = [part(e * width, width, dense)(hidden) for e in range(count)]
        assert (made[0] - made[1]).abs().max() > 1e-4
        torch.testing.assert_close(torch.stack(made).mean(0), dense(hidden), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "weight"),
    [
        ({}, 2 / 4 + 0.5),
        ({"shared_expert_intermediate_size": 0}, 2 / 4),
        ({"norm_topk_prob": True}, 1.5),
        ({"router_mass": 0.6}, 3 / 4 + 0.5),
        ({"num_skip_experts": 4}, 2 / 8 * 4 / 8 + 0.5),
    ],
)
def test_start_weight_is_the_sum_of_the_weights_of_even_choices(options: dict[str, float], weight: float) -> None:
    assert start_weight(replace(SMALL, **options)) == weight


@pytest.mark.parametrize(
    "options", [{}, {"norm_topk_prob": True}, {"router_mass": 0.7}, {"shared_expert_intermediate_size": 0}]
)
@torch.no_grad()
def test_whole_copies_make_the_sparse_block_nearly_the_dense_one(options: dict[str, float]) -> None:
    model = dense_model()
    upcycle(model, replace(WHOLE, **options))
    hidden = torch.randn(2, 5, 32)
    for path in dual_paths(model).values():
        dense = path.dense(hidden)
        assert (path.moe(hidden) - dense).norm() < 0.02 * dense.norm()


@pytest.mark.parametrize("family", FAMILIES)
@torch.no_grad()
def test_output_is_the_dense_models_in_proportion_to_the_share(family: str) -> None:
    dense = dense_model(family)(input_ids=words()).logits
    scale = dense.abs().max()
    off = []
    for share in (1e-1, 1e-2, 1e-4):
        model = dense_model(family)
        upcycle(model, SMALL, share=share)
        off.append((model(input_ids=words()).logits - dense).abs().max() / scale)
        assert off[-1] < share
    assert off[0] > 3 * off[1] > 0


@torch.no_grad()
def test_random_experts_keep_the_output_too() -> None:
    dense = dense_model()(input_ids=words()).logits
    model = dense_model()
    upcycle(model, SMALL, experts="random", share=1e-4)
    assert 0 < (model(input_ids=words()).logits - dense).abs().max() < 1e-4 * dense.abs().max()


@torch.no_grad()
def test_normalised_whole_copies_are_the_dense_model_at_any_share() -> None:
    dense = dense_model()(input_ids=words()).logits
    model = dense_model()
    upcycle(model, replace(WHOLE, norm_topk_prob=True, shared_expert_intermediate_size=0), share=0.5)
    torch.testing.assert_close(model(input_ids=words()).logits, dense, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("experts", ["copied", "random"])
def test_every_new_parameter_learns_from_the_start(experts: str) -> None:
    model = dense_model().train()
    upcycle(model, SMALL, experts=experts, share=1e-3)  # type: ignore[arg-type]
    before = {name: parameter.detach().clone() for name, parameter in new_parameters(model).items()}
    optimiser = torch.optim.Adam(new_parameters(model).values(), lr=1e-3)
    model(input_ids=words(4, 16), labels=words(4, 16)).loss.backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in new_parameters(model).values())
    optimiser.step()
    assert all(not torch.equal(parameter, before[name]) for name, parameter in new_parameters(model).items())


@torch.no_grad()
def test_tokens_choose_differently_from_the_start() -> None:
    model = dense_model()
    upcycle(model, WHOLE)
    chosen = next(iter(dual_paths(model).values())).moe.gate(torch.randn(1, 50, 32)).experts
    assert len(chosen.unique()) == 4


@pytest.mark.parametrize("share", [0.0, 1.0, -0.5])
def test_share_is_between_nothing_and_all(share: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        upcycle(dense_model(), SMALL, share=share)


def test_blocks_with_biases_are_not_copied_and_the_model_stays_dense() -> None:
    model = LlamaForCausalLM(LlamaConfig(**TEXT, mlp_bias=True))
    with pytest.raises(ValueError, match="gate_proj"):
        upcycle(model, SMALL)
    assert MoEConfig.read(model.config) is None
    assert not dual_paths(model)
