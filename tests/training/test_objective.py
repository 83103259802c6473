"""The objective: every loss has its weight, every weight has its loss."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from umind.data.collate import Collator
from umind.data.examples import Example
from umind.decoders.decoder import InstanceSites
from umind.schema.batch import Batch
from umind.tokens.template import Block
from umind.training.module import UMindModule
from umind.training.objective import LossWeights, objective

OF_ROUTERS = {"balance", "router_z"}
"""Only where there are experts: see ``test_training_experts.py``."""
NAMES = tuple(field.name for field in fields(LossWeights) if field.name not in OF_ROUTERS)
NONE = LossWeights(**dict.fromkeys(NAMES, 0.0))


@pytest.fixture(scope="module")
def module(studio) -> UMindModule:
    return studio.module(frozen=())


@pytest.fixture(scope="module")
def batch(studio, module: UMindModule) -> Batch:
    data = studio.data(batch_size=6)
    data.attach(module.processor)
    batch = next(iter(data.train_dataloader()))
    assert len(batch.points)
    assert batch.regions.drawn.any()
    return batch


def test_parts_are_the_weights(module: UMindModule, batch: Batch) -> None:
    total, parts, _ = module.step(batch)
    assert set(parts) == set(NAMES)
    assert all(part.isfinite() for part in parts.values())
    weighed = sum(getattr(module.weights, name) * part for name, part in parts.items())
    torch.testing.assert_close(total, weighed)


@pytest.mark.parametrize("name", NAMES)
def test_each_part_pulls_at_the_model_and_a_zero_weight_lets_go(module: UMindModule, batch: Batch, name: str) -> None:
    output = module(batch, sites_of(batch))
    if name == "spread":  # it is cut off while masks are as bad as those of an untrained model
        masks = batch.regions.masks - 0.4
        output.regions = replace(output.regions, masks=masks)
    module.zero_grad()
    total, _ = objective(output, batch, replace(NONE, **{name: 1.0}))
    total.backward(retain_graph=True)
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in module.parameters())
    module.zero_grad()
    without, parts = objective(output, batch, replace(LossWeights(), **{name: 0.0}))
    full, _ = objective(output, batch, LossWeights())
    torch.testing.assert_close(full - without, getattr(LossWeights(), name) * parts[name], atol=1e-4, rtol=1e-4)


def test_all_weights_zero(module: UMindModule, batch: Batch) -> None:
    total, _ = objective(module(batch, sites_of(batch)), batch, NONE)
    assert total == 0


def test_batch_without_regions_or_points_trains(module: UMindModule) -> None:
    example = Example(np.zeros((64, 64), np.uint8), (Block("what is this?", "breast"),), (), np.zeros((0, 2)))
    module.zero_grad()
    total, parts, _ = module.step(Collator(module.processor)([example, example]))
    total.backward()
    assert total.isfinite()
    assert all(parts[name] == 0 for name in NAMES if name != "text")
    assert all(p.grad is None or p.grad.isfinite().all() for p in module.parameters())


def sites_of(batch: Batch) -> InstanceSites:
    return InstanceSites(batch.regions.slots, batch.regions.sites)
