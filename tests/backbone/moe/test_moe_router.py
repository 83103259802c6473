from dataclasses import replace

import pytest
import torch
from families import SMALL

from umind.backbone.moe.router import Router

STATES = torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]])  # (2, 1, 2)


def router(probabilities: list[list[float]], **options: float) -> Router:
    """A router that gives these probabilities for ``STATES``."""
    config = replace(SMALL, num_experts=len(probabilities[0]) - int(options.get("num_skip_experts", 0)), **options)
    made = Router(2, config)
    made.weight.data = torch.tensor(probabilities).log().T.contiguous()
    return made


P = [[0.4, 0.3, 0.2, 0.1], [0.05, 0.05, 0.1, 0.8]]


def test_top_k_is_not_renormalised() -> None:
    routing = router(P)(STATES)
    assert routing.experts.tolist() == [[[0, 1]], [[3, 2]]]
    torch.testing.assert_close(routing.weights, torch.tensor([[[0.4, 0.3]], [[0.8, 0.1]]]))


def test_top_k_renormalised() -> None:
    routing = router(P, norm_topk_prob=True)(STATES)
    torch.testing.assert_close(routing.weights, torch.tensor([[[4 / 7, 3 / 7]], [[8 / 9, 1 / 9]]]))


@pytest.mark.parametrize(
    ("mass", "taken"), [(0.01, [1, 1]), (0.39, [1, 1]), (0.6, [2, 1]), (0.75, [3, 1]), (0.85, [3, 2]), (1.0, [4, 4])]
)
def test_mass_takes_experts_until_it_is_reached(mass: float, taken: list[int]) -> None:
    routing = router(P, router_mass=mass)(STATES)
    assert (routing.experts < 4).sum(-1).flatten().tolist() == taken
    assert torch.equal(routing.weights > 0, routing.experts < 4)
    assert routing.weights.sum(-1).min() >= mass - 1e-6


def test_mass_renormalised_sums_to_one() -> None:
    weights = router(P, router_mass=0.6, norm_topk_prob=True)(STATES).weights
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 1))


def test_skipped_is_the_weight_of_the_skip_experts() -> None:
    routing = router(P, num_skip_experts=2)(STATES)
    assert routing.num_experts == 2
    torch.testing.assert_close(routing.skipped, torch.tensor([[[0.0]], [[0.9]]]))


def test_mass_leaves_no_weight_on_what_is_not_taken() -> None:
    routing = router(P, num_skip_experts=1, router_mass=0.5)(STATES)
    torch.testing.assert_close(routing.skipped, torch.tensor([[[0.0]], [[0.8]]]))


def test_prior_is_added_to_the_logits() -> None:
    plain, made = router(P)(STATES), router(P)
    prior = torch.tensor([[[0.0, 0.0, 0.0, 5.0]], [[0.0, 0.0, 0.0, 0.0]]])
    steered = made(STATES, prior)
    torch.testing.assert_close(steered.logits, plain.logits + prior)
    assert steered.experts.tolist() == [[[3, 0]], [[3, 2]]]


def test_softmax_is_float32_and_weights_are_of_the_states_type() -> None:
    routing = router(P).bfloat16()(STATES.bfloat16())
    assert routing.logits.dtype == torch.float32
    assert routing.weights.dtype == torch.bfloat16
