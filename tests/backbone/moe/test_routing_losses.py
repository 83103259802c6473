import math
from dataclasses import replace

import pytest
import torch
from families import SMALL, dense_model, words
from transformers.models.qwen2_moe.modeling_qwen2_moe import load_balancing_loss_func

from umind.backbone.moe.attach import attach, dual_paths
from umind.backbone.moe.losses import balance_loss, routing_losses, z_loss
from umind.backbone.moe.router import Routing
from umind.backbone.moe.routing import record_routing

MASK = torch.tensor([[0, 0, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1]])


def routing(logits: torch.Tensor, per_token: int = 2, num_experts: int | None = None) -> Routing:
    weights, experts = logits.softmax(-1).topk(per_token)
    return Routing(logits, experts, weights, num_experts or logits.shape[-1])


def random_routing(seed: int, choices: int = 4) -> Routing:
    return routing(torch.randn(2, 6, choices, generator=torch.Generator().manual_seed(seed)))


@pytest.mark.parametrize("mask", [None, MASK])
def test_balance_of_a_layer_is_what_transformers_computes(mask: torch.Tensor | None) -> None:
    made = random_routing(0)
    expected = load_balancing_loss_func((made.logits.flatten(0, 1),), 4, 2, mask)
    assert isinstance(expected, torch.Tensor)
    torch.testing.assert_close(balance_loss(made, mask), expected)


def test_even_load_is_the_number_of_experts_per_token_and_the_least() -> None:
    even = torch.tensor([[[9.0, 9, 0, 0], [0, 0, 9, 9]]])
    assert math.isclose(balance_loss(routing(even)), 2, rel_tol=1e-4)
    one_sided = torch.tensor([[[9.0, 9, 0, 0], [9, 9, 0, 0]]])
    assert math.isclose(balance_loss(routing(one_sided)), 4, rel_tol=1e-3)


def test_layers_do_not_make_up_for_each_other() -> None:
    left, right = torch.tensor([[[9.0, 9, 0, 0]]]), torch.tensor([[[0.0, 0, 9, 9]]])
    assert math.isclose(routing_losses([routing(left), routing(right)])["balance"], 4, rel_tol=1e-3)


def test_z_loss_is_the_square_of_the_logsumexp() -> None:
    made = random_routing(1)
    plain = sum(math.log(sum(math.exp(x) for x in token)) ** 2 for row in made.logits.tolist() for token in row) / 12
    assert math.isclose(z_loss(made), plain, rel_tol=1e-5)


def test_losses_are_means_over_layers() -> None:
    made = [random_routing(2), random_routing(3)]
    parts = routing_losses(made, mask=MASK)
    assert parts.keys() == {"balance", "router_z"}
    torch.testing.assert_close(parts["balance"], (balance_loss(made[0], MASK) + balance_loss(made[1], MASK)) / 2)
    torch.testing.assert_close(parts["router_z"], (z_loss(made[0], MASK) + z_loss(made[1], MASK)) / 2)


def test_padding_does_not_count() -> None:
    made = random_routing(4)
    other = routing(torch.where(MASK[..., None] > 0, made.logits, 7 * made.logits.flip(-1) - 3))
    for name, value in routing_losses([made], mask=MASK).items():
        torch.testing.assert_close(routing_losses([other], mask=MASK)[name], value)
        assert (routing_losses([other])[name] - routing_losses([made])[name]).abs() > 1e-3


def test_skipping_is_no_work() -> None:
    logits = torch.randn(2, 6, 6, generator=torch.Generator().manual_seed(5))
    more, less = logits.clone(), logits.clone()
    more[..., 4:] += 3
    less[..., 4:] -= 3
    values = [balance_loss(replace(routing(logits, num_experts=4), logits=x)) for x in (logits, more, less)]
    torch.testing.assert_close(values[0], values[1])
    torch.testing.assert_close(values[0], values[2])
    leaf = logits.clone().requires_grad_()
    balance_loss(routing(leaf, num_experts=4)).backward()
    assert leaf.grad is not None
    assert leaf.grad[..., :4].abs().max() > 0
    assert torch.equal(leaf.grad[..., 4:], torch.zeros(2, 6, 2))


def test_all_tokens_skipping_is_balanced() -> None:
    logits = torch.tensor([[[0.0, 0, 0, 0, 9, 9]]])
    assert balance_loss(routing(logits, num_experts=4)) == 0


def test_places_that_a_token_leaves_empty_are_no_work() -> None:
    logits = torch.zeros(1, 2, 4)
    taken = torch.tensor([[[0, 4, 4, 4], [1, 0, 4, 4]]])
    assert math.isclose(balance_loss(Routing(logits, taken, taken.float(), 4)), 4 * (2 / 2 + 1 / 2) / 4)


@pytest.mark.parametrize("name", ["balance", "router_z"])
def test_each_loss_reaches_every_router_and_falls(name: str) -> None:
    model, ids = dense_model().train(), words()
    attach(model, SMALL)
    gates = [path.moe.gate.weight for path in dual_paths(model).values()]
    for gate in gates:
        torch.nn.init.normal_(gate)  # far from even
    optimiser, values = torch.optim.SGD(gates, lr=0.05), []
    for _ in range(8):
        with record_routing(model) as routings:
            model(input_ids=ids)
        loss = routing_losses(routings)[name]
        optimiser.zero_grad()
        loss.backward()
        assert all(gate.grad is not None and gate.grad.abs().max() > 0 for gate in gates)
        optimiser.step()
        values.append(loss.item())
    assert values[-1] < values[0]


def test_nothing_recorded_is_an_error() -> None:
    with pytest.raises(ValueError, match="no routing was recorded"):
        routing_losses([])
