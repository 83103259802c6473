"""Region-aware routing: what the images show reaches every router, in training, in batches and while generating."""

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_network
import tiny_qwen
import torch
from generation import NUM_TOKENS, continuation
from tiny_network import MEASURE, SEGMENT, WORDS, pixel_values
from torch import Tensor

from umind import Study, UltrasoundImage, UMindVL
from umind.backbone.moe.attach import dual_paths, new_parameters
from umind.backbone.moe.config import MoEConfig
from umind.backbone.moe.region import region_of
from umind.backbone.moe.routing import record_routing, steer
from umind.backbone.moe.upcycle import upcycle
from umind.backbone.pixels import PixelFeatures
from umind.checkpoint import load, save
from umind.model import UMindModel
from umind.tokens.template import Block

PLAIN = MoEConfig(num_experts=3, moe_intermediate_size=40, shared_expert_intermediate_size=56, num_skip_experts=1)
EXPERTS = replace(PLAIN, region_prior=True)
PROCESSOR = tiny_network.build()[1]
PACKED = tiny_network.inputs(PROCESSOR.pack([[SEGMENT, WORDS], [WORDS, MEASURE, SEGMENT]]))
OPEN = Block("describe the cyst")
QWEN = ("qwen2_vl", "qwen2_5_vl", "qwen3_vl")


def build(config: MoEConfig = EXPERTS) -> UMindModel:
    model, _ = tiny_network.build()
    upcycle(model.language, config)
    return model


@torch.no_grad()
def learnt(model: UMindModel) -> UMindModel:
    """With maps that matter."""
    drawn = torch.Generator().manual_seed(7)
    for path in dual_paths(model).values():
        path.moe.gate.region.normal_(std=3 / path.moe.gate.region.shape[1] ** 0.5, generator=drawn)
    return model


@torch.no_grad()
def priors(model: UMindModel, run: Callable[[], object]) -> list[Tensor]:
    """What the maps add to the logits of every layer, ``(B, C)``: routers have no word of their own here."""
    model = copy.deepcopy(model)
    for path in dual_paths(model).values():
        path.moe.gate.weight.zero_()
    with record_routing(model) as routings:
        run(model)  # type: ignore[call-arg]
    assert all((routing.logits == routing.logits[:, :1]).all() for routing in routings)
    return [routing.logits[:, 0] for routing in routings]


@pytest.fixture(scope="module")
def model() -> UMindModel:
    return learnt(build())


@pytest.fixture(scope="module", params=QWEN)
def seeing(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> UMindVL:
    """A Qwen-VL."""
    model = tiny_qwen.build(request.param, tmp_path_factory.mktemp(request.param))
    upcycle(model.model.language, EXPERTS)
    learnt(model.model)
    return model


@pytest.fixture(scope="module")
def images() -> list[UltrasoundImage]:
    rng = np.random.default_rng(0)
    return [UltrasoundImage(rng.integers(0, 256, size, np.uint8), spacing=0.1) for size in ((40, 60), (9, 12), (64, 64))]


@torch.no_grad()
def test_the_start_is_that_of_experts_without_the_prior() -> None:
    ours, plain = (build(config)(**PACKED, pixel_values=pixel_values(2)).logits for config in (EXPERTS, PLAIN))
    assert torch.equal(ours, plain)


def test_the_mean_is_over_visual_tokens_alone() -> None:
    embeddings = torch.arange(12.0).view(2, 3, 2)
    is_image = torch.tensor([[True, False, True], [False, False, False]])
    assert region_of(embeddings, is_image).tolist() == [[[2.0, 3.0]], [[0.0, 0.0]]]


@torch.no_grad()
def test_each_layer_makes_its_own_of_the_image_and_of_nothing_else(model: UMindModel) -> None:
    features = model.encode(pixel_values(2))
    found = priors(model, lambda network: network(**PACKED, features=features))
    for path, prior in zip(dual_paths(model).values(), found, strict=True):
        torch.testing.assert_close(prior, features.tokens.mean(1) @ path.moe.gate.region.T)
        assert (prior[0] - prior[1]).abs().max() > 0.1
    assert (found[0] - found[1]).abs().max() > 0.1


@torch.no_grad()
def test_without_an_image_there_is_none(model: UMindModel) -> None:
    assert not torch.stack(priors(model, lambda network: network(**PACKED))).any()
    words = {name: torch.ones_like(tensor) * (5 if name == "input_ids" else 1) for name, tensor in PACKED.items()}
    assert not torch.stack(priors(model, lambda network: network(**words))).any()


@torch.no_grad()
def test_a_prior_from_outside_comes_on_top(model: UMindModel) -> None:
    given = torch.tensor([[[0.0, 1.0, 0.0, 0.0]]])
    plain = priors(model, lambda network: network(**PACKED, pixel_values=pixel_values(2)))

    def steered(network: UMindModel) -> None:
        with steer(network, given):
            network(**PACKED, pixel_values=pixel_values(2))

    for with_given, without in zip(priors(model, steered), plain, strict=True):
        torch.testing.assert_close(with_given, without + given[:, 0])


@torch.no_grad()
@pytest.mark.parametrize("blocks", [[[OPEN]], [[SEGMENT, WORDS, OPEN], [OPEN]]], ids=["one", "padded"])
def test_steps_behind_a_prefill_have_its_prior(model: UMindModel, blocks: list[list[Block]]) -> None:
    features = model.encode(pixel_values(len(blocks)))
    packed = tiny_network.inputs(PROCESSOR.pack(blocks))
    check_generation(model, packed, features)
    for row, (block, longer) in enumerate(zip(blocks, continuation(model, packed, features)[0], strict=True)):
        alone = tiny_network.inputs(PROCESSOR.pack([block]))
        assert continuation(model, alone, features[row : row + 1])[0][0, -NUM_TOKENS:].tolist() == longer[-NUM_TOKENS:].tolist()


@torch.no_grad()
def check_generation(model: UMindModel, packed: dict[str, Tensor], features: PixelFeatures) -> None:
    """Steps from a cache are those of whole sequences, and the prior matters to them."""
    barred = [model.config.ids.image, model.config.ids.end]
    grown, hidden = continuation(model, packed, features, suppress_tokens=barred[:1])
    more = torch.ones(len(grown), NUM_TOKENS - 1, dtype=torch.long)
    rest = {"attention_mask": torch.cat([packed["attention_mask"], more], 1), "features": features, "decode": False}
    again = model(input_ids=grown[:, :-1], **rest)
    torch.testing.assert_close(hidden, again.hidden[:, -NUM_TOKENS:], atol=1e-5, rtol=1e-5)
    allowed = again.logits[:, -NUM_TOKENS:].index_fill(-1, torch.tensor(barred), -torch.inf)
    assert allowed.argmax(-1).tolist() == grown[:, -NUM_TOKENS:].tolist()
    unmoved = copy.deepcopy(model)
    for path in dual_paths(unmoved).values():
        path.moe.gate.region.zero_()
    assert (unmoved(input_ids=grown[:, :-1], **rest).hidden[:, -NUM_TOKENS:] - hidden).abs().max() > 1e-3


@torch.no_grad()
def test_a_vision_towers_tokens_count_without_their_padding(seeing: UMindVL, images: list[UltrasoundImage]) -> None:
    """Of several images in a sequence all do, each token once."""
    network, parts = seeing.model, [item.features for item in seeing.encode(images)]
    features = PixelFeatures.cat(parts)
    packed = tiny_network.inputs(seeing.processor.pack([[WORDS, OPEN], [OPEN]], features.counts, [2, 1]))
    seen = [torch.cat([part.tokens[0, : part.counts[0]] for part in row]).mean(0) for row in (parts[:2], parts[2:])]
    for path, prior in zip(
        dual_paths(network).values(), priors(network, lambda model: model(**packed, features=features)), strict=True
    ):
        torch.testing.assert_close(prior, torch.stack(seen) @ path.moe.gate.region.T, atol=1e-5, rtol=1e-5)
    check_generation(network, packed, features)


def test_studies_and_images_in_a_list_equal_one_by_one(seeing: UMindVL, images, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("umind.one_pass.MAX_NEW_TOKENS", 6)
    several = [images[1], Study(images), Study(images[:2])]
    together = [answer.text for answer in seeing.ask(several, "is it benign")]
    assert together == [seeing.ask(item, "is it benign").text for item in several]


def gradients(model: UMindModel) -> dict[str, Tensor]:
    model.zero_grad()
    output = model.train()(**PACKED, pixel_values=pixel_values(2), decode=False)
    output.logits.square().mean().backward()
    return {name: p.grad.clone() for name, p in new_parameters(model).items() if p.grad is not None}


def test_maps_learn_from_the_start_and_a_second_run_sees_the_same() -> None:
    for model in (build(), learnt(build())):
        model.pixels.eval()
        once = gradients(model)
        maps = [gradient for name, gradient in once.items() if name.endswith("moe.gate.region")]
        assert len(maps) == 2
        assert all(gradient.abs().max() > 0 for gradient in maps)
        model.language.activation_checkpointing_enable({"use_reentrant": False})
        again = gradients(model)
        assert again.keys() == once.keys() == new_parameters(model).keys()
        for name, gradient in once.items():
            torch.testing.assert_close(again[name], gradient, msg=name)


def test_nothing_stays_behind_a_forward(model: UMindModel) -> None:
    def kept() -> list[dict[str, object]]:
        return [{name: repr(value) for name, value in part.__dict__.items()} for part in model.language.modules()]

    before = kept()
    with torch.no_grad():
        model(**PACKED, pixel_values=pixel_values(2), use_cache=True)
    assert kept() == before


@torch.no_grad()
def test_saved_and_loaded_it_is_the_same(model: UMindModel, tmp_path: Path) -> None:
    save(model, PROCESSOR, tmp_path)
    loaded, _ = load(tmp_path, device="cpu", dtype="float32")
    assert MoEConfig.read(loaded.config) == EXPERTS
    ours, theirs = (one(**PACKED, pixel_values=pixel_values(2)).logits for one in (model, loaded))
    torch.testing.assert_close(theirs, ours)
    path = next(iter(dual_paths(loaded).values()))
    assert torch.equal(path.moe.gate.region, next(iter(dual_paths(model).values())).moe.gate.region)
