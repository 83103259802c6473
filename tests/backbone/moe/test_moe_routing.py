from dataclasses import replace

import pytest
import torch
from families import SMALL, dense_model, words
from torch import Tensor
from transformers import PreTrainedModel

from umind.backbone.moe.attach import attach, dual_paths
from umind.backbone.moe.config import MoEConfig
from umind.backbone.moe.losses import routing_losses
from umind.backbone.moe.routing import record_routing, steer


def model_with_experts(config: MoEConfig = SMALL) -> PreTrainedModel:
    model = dense_model()
    attach(model, config)
    return model


def router_gradients(model: PreTrainedModel, ids: Tensor) -> list[Tensor]:
    """Of both routing losses and the language model's, together."""
    with record_routing(model) as routings:
        loss = model(input_ids=ids, labels=ids).loss
    sum(routing_losses(routings).values(), loss).backward()
    gradients = [path.moe.gate.weight.grad for path in dual_paths(model).values()]
    assert all(gradient is not None for gradient in gradients)
    return [gradient.clone() for gradient in gradients if gradient is not None]


def test_every_layer_is_recorded_in_order_and_nothing_stays() -> None:
    model, seen = model_with_experts(), []
    for path in dual_paths(model).values():
        path.moe.gate.register_forward_hook(lambda _, inputs, output: seen.append(output))
    before = [dict(part.__dict__) for part in model.modules()]
    with record_routing(model) as routings:
        model(input_ids=words())
    assert len(routings) == 2
    assert all(one is other for one, other in zip(routings, seen, strict=True))
    assert routings[0].logits.shape == (2, 7, 4)
    assert routings[0].experts.shape == routings[0].weights.shape == (2, 7, 2)
    model(input_ids=words())
    assert len(routings) == 2
    assert all(len(path.moe.gate._forward_hooks) == 1 for path in dual_paths(model).values())
    assert [one.keys() for one in before] == [part.__dict__.keys() for part in model.modules()]


def test_hooks_go_when_the_forward_fails() -> None:
    model = model_with_experts()
    with pytest.raises(IndexError), record_routing(model), steer(model, torch.zeros(2, 1, 4)):
        model(input_ids=torch.full((1, 2), 1000))
    gates = [path.moe.gate for path in dual_paths(model).values()]
    assert not any(gate._forward_hooks or gate._forward_pre_hooks for gate in gates)


def test_recorded_logits_carry_their_gradient_under_checkpointing() -> None:
    plain, saving = model_with_experts().train(), model_with_experts().train()
    saving.activation_checkpointing_enable({"use_reentrant": False})
    for one, other in zip(router_gradients(plain, words()), router_gradients(saving, words()), strict=True):
        assert one.abs().max() > 0
        torch.testing.assert_close(one, other)


def test_reentrant_checkpointing_is_refused() -> None:
    model = model_with_experts().train()
    model.activation_checkpointing_enable({"use_reentrant": True})
    model.enable_input_require_grads()
    with pytest.raises(ValueError, match="use_reentrant=False"):
        router_gradients(model, words())


@torch.no_grad()
def test_prior_of_a_row_steers_its_tokens_and_no_others() -> None:
    model = model_with_experts()
    prior = torch.zeros(2, 1, 4)
    prior[1, 0, 3] = 50.0
    plain = model(input_ids=words()).logits
    with steer(model, prior), record_routing(model) as routings:
        steered = model(input_ids=words()).logits
    for routing in routings:
        assert (routing.experts[1, :, 0] == 3).all()
        torch.testing.assert_close(routing.weights[1, :, 0], torch.ones(7))
    torch.testing.assert_close(steered[0], plain[0], atol=1e-6, rtol=1e-5)  # other blocks of the product, another rounding
    assert (steered[1] - plain[1]).abs().max() > 1e-4
    assert torch.equal(model(input_ids=words()).logits, plain)


@torch.no_grad()
def test_prior_of_a_token_and_of_a_skip_expert() -> None:
    model = model_with_experts(replace(SMALL, num_skip_experts=1))
    prior = torch.zeros(2, 7, 5)
    prior[:, 2, 4] = 50.0
    with steer(model, prior), record_routing(model) as routings:
        model(input_ids=words())
    for routing in routings:
        torch.testing.assert_close(routing.skipped[:, 2], torch.ones(2, 1))
        assert (routing.skipped[:, [0, 1, 3]] < 0.9).all()


def test_prior_gets_a_gradient() -> None:
    model = model_with_experts().train()
    prior = torch.zeros(2, 1, 4, requires_grad=True)
    with steer(model, prior):
        loss = model(input_ids=words(), labels=words()).loss
    loss.backward()
    assert prior.grad is not None
    assert prior.grad.abs().max() > 0


@torch.no_grad()
def test_prior_of_a_row_holds_while_generating() -> None:
    model = model_with_experts()
    prior = torch.zeros(2, 1, 4)
    prior[..., 2] = 50.0
    with steer(model, prior), record_routing(model) as routings:
        model.generate(words(), attention_mask=torch.ones(2, 7), max_new_tokens=4, min_new_tokens=4, do_sample=False)
    assert len(routings) == 2 * 4
    assert all((routing.experts[..., 0] == 2).all() for routing in routings)


def test_prior_of_another_size_is_refused() -> None:
    model = model_with_experts()
    with pytest.raises(ValueError, match="for 3 choices does not fit routers that have"), steer(model, torch.zeros(2, 1, 3)):
        pass


def test_prior_under_checkpointing_is_refused() -> None:
    model = model_with_experts().train()
    model.activation_checkpointing_enable({"use_reentrant": False})
    with pytest.raises(ValueError, match="exclude each other"), steer(model, torch.zeros(2, 1, 4)):
        pass
    with steer(model.eval(), torch.zeros(2, 1, 4)):
        assert model(input_ids=words()).logits.isfinite().all()
