"""Experts in training: what starts, what learns, and the losses of their routers."""

from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from umind.backbone.moe.attach import dual_paths, new_parameters
from umind.backbone.moe.config import MoEConfig
from umind.backbone.moe.losses import routing_losses
from umind.backbone.moe.routing import record_routing
from umind.checkpoint import load, save
from umind.decoders.decoder import InstanceSites
from umind.schema.batch import Batch
from umind.tokens.slots import IGNORED
from umind.tokens.vocabulary import OWN_IDS
from umind.training.module import UMindModule
from umind.training.objective import LossWeights, objective

EXPERTS = MoEConfig(moe_intermediate_size=16, shared_expert_intermediate_size=24, region_prior=True)
STAGE_ONE = ("pixels", "language", "regions", "points")
NAMES = tuple(field.name for field in fields(LossWeights))
NONE = LossWeights(**dict.fromkeys(NAMES, 0.0))


@pytest.fixture(scope="module")
def module(studio) -> UMindModule:
    torch.manual_seed(0)
    return studio.module(experts=EXPERTS, frozen=STAGE_ONE)


@pytest.fixture(scope="module")
def batch(studio, module: UMindModule) -> Batch:
    """Rows of different length, each with several blocks."""
    data = studio.data(batch_size=6)
    data.attach(module.processor)
    batch = next(iter(data.train_dataloader()))
    assert not batch.attention_mask.all()
    assert ((batch.input_ids == OWN_IDS.query).sum(1) > 1).all()
    return batch


def moved(module: UMindModule) -> set[str]:
    return {name for name, p in module.model.named_parameters() if p.grad is not None and p.grad.any()}


def test_stage_one_touches_moe_and_coefficient_alone(module: UMindModule, batch: Batch) -> None:
    module.zero_grad()
    module.step(batch)[0].backward()
    assert moved(module) == set(new_parameters(module.model))
    assert {name.split(".mlp.")[1].split(".")[0] for name in moved(module)} == {"moe", "coefficient"}
    assert {name for name, p in module.model.named_parameters() if p.requires_grad} == moved(module)


def test_stage_two_touches_everything(studio, module: UMindModule, batch: Batch, tmp_path: Path) -> None:
    save(module.model, module.processor, tmp_path)
    second = UMindModule(init=tmp_path, frozen=())
    second.step(batch)[0].backward()
    assert {name.split(".")[0] for name in moved(second)} == set(STAGE_ONE)
    assert set(new_parameters(second.model)) <= moved(second)
    assert MoEConfig.read(second.model.config) == EXPERTS


def test_losses_of_routers_have_names_only_where_there_are_experts(studio, module: UMindModule, batch: Batch) -> None:
    assert set(module.step(batch)[1]) == set(NAMES)
    assert set(NAMES) - set(studio.module().step(batch)[1]) == {"balance", "router_z"}


@pytest.mark.parametrize("name", ["balance", "router_z"])
def test_each_pulls_at_the_routers(module: UMindModule, batch: Batch, name: str) -> None:
    module.zero_grad()
    with record_routing(module.model) as routings:
        output = module(batch, InstanceSites(batch.regions.slots, batch.regions.sites))
    total, parts = objective(output, batch, replace(NONE, **{name: 0.5}), routings)
    torch.testing.assert_close(total, 0.5 * parts[name])
    total.backward()
    gates = {name for name in new_parameters(module.model) if name.endswith("moe.gate.weight")}
    assert len(gates) == 2
    assert gates <= moved(module)


def padded(batch: Batch, count: int) -> Batch:
    """The same with more padding on the left of every row."""

    def wider(tensor: Tensor, value: int) -> Tensor:
        return torch.nn.functional.pad(tensor, (count, 0), value=value)

    return replace(
        batch,
        input_ids=wider(batch.input_ids, OWN_IDS.pad),
        attention_mask=wider(batch.attention_mask, 0),
        labels=wider(batch.labels, IGNORED),
        choices=replace(
            batch.choices, labels=wider(batch.choices.labels, IGNORED), block_ids=wider(batch.choices.block_ids, -1)
        ),
    )


def test_padding_does_not_count(module: UMindModule, batch: Batch) -> None:
    module.model.eval()  # statistics of batches would move
    (_, once, _), (_, again, _) = module.step(batch), module.step(padded(batch, 9))
    module.model.train()
    for name in ("balance", "router_z"):
        torch.testing.assert_close(again[name], once[name], atol=1e-6, rtol=1e-5)


def test_every_token_of_every_block_counts_once(module: UMindModule, batch: Batch) -> None:
    with record_routing(module.model) as routings, torch.no_grad():
        module(batch)
    losses = routing_losses(routings, mask=batch.attention_mask)
    real = batch.attention_mask.bool()
    balance = []
    for routing in routings:
        chosen = routing.experts[real]  # (T, K)
        taken = torch.stack([(chosen == expert).any(1).float().mean() for expert in range(4)])
        balance.append(4 * (taken * routing.logits[real].softmax(-1).mean(0)).sum())
    torch.testing.assert_close(losses["balance"], torch.stack(balance).mean())
    squares = [routing.logits[real].logsumexp(-1).square().mean() for routing in routings]
    torch.testing.assert_close(losses["router_z"], torch.stack(squares).mean())


def test_weights_are_those_of_the_experts_unless_others_are_asked_for(studio) -> None:
    numbers = replace(EXPERTS, router_aux_loss_coef=0.03, router_z_loss_coef=0.002)
    told = studio.module(experts=numbers).weights
    assert (told.balance, told.router_z) == (0.03, 0.002)
    asked = studio.module(experts=numbers, loss=LossWeights(balance=0.5)).weights
    assert (asked.balance, asked.router_z) == (0.5, 0.002)
    assert studio.module().weights == LossWeights()


def test_a_model_with_experts_gets_no_others(studio, module: UMindModule, tmp_path: Path) -> None:
    save(module.model, module.processor, tmp_path)
    with pytest.raises(ValueError, match="has experts already"):
        UMindModule(init=tmp_path, experts=EXPERTS)


def test_the_start_is_the_dense_model_with_experts_beside_it(studio) -> None:
    dense, _ = load(studio.init, device="cpu", dtype="float32")
    model = studio.module(experts=EXPERTS).model
    state = model.state_dict()
    assert len(dual_paths(model)) == 2
    for name, tensor in dense.state_dict().items():
        renamed = name.replace(".mlp.", ".mlp.dense.") if name.startswith("language.layers") else name
        assert torch.equal(state[renamed], tensor), name
