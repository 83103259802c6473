"""The use of experts, where it is known by construction."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from tiny_network import build
from torch import Tensor

from umind import UltrasoundImage, UMindVL
from umind.backbone.moe.attach import dual_paths
from umind.backbone.moe.config import MoEConfig
from umind.backbone.moe.dual_path import DualPath
from umind.backbone.moe.upcycle import upcycle
from umind.evaluation.experts import FREE, Passage, evaluate_experts, expert_use, passages, verb_of
from umind.schema.sample import Sample
from umind.tasks import classify, keypoints, measure, report, segment
from umind.tokens.template import Block

ORGANS = ("breast", "liver")
LAYERS = ("layers.0", "layers.1")
CHOICES = ("1", "2", "3", "4")


def samples(count: int = 6) -> list[Sample]:
    """Noise, brighter for one organ than for the other."""
    draw = np.random.default_rng(0)
    made = []
    for number in range(count):
        pixels = draw.integers(0, 120, (64, 64)).astype(np.uint8) + np.uint8(120 * (number % 2))
        organ = ORGANS[number % 2]
        image = UltrasoundImage(pixels, name=f"{number}.png")
        made.append(Sample(image, key=str(number), dataset="noise", split="val", organ=organ, absent=(f"{organ} lesion",)))
    return made


def sparse(**numbers: object) -> UMindVL:
    model, processor = build()
    sizes = {"moe_intermediate_size": 32, "shared_expert_intermediate_size": 0}
    upcycle(model.language, MoEConfig(**(sizes | numbers)))
    return UMindVL(model, processor)


def passage(image: int, region: str, chosen: int, task: str = "") -> Passage:
    """Ten tokens that all take one expert in the first layer, and the next one in the second."""
    counts = np.zeros((2, 4))
    counts[0, chosen] = counts[1, (chosen + 1) % 4] = 10
    return Passage(counts, 10, image, f"set/{image}", region, task)


def test_experts_that_follow_the_organ_tell_its_entropy() -> None:
    organs = ["breast"] * 4 + ["liver"] * 2 + ["thyroid"] * 2
    chosen = {"breast": 2, "liver": 0, "thyroid": 3}
    seen = [
        part
        for image, organ in enumerate(organs)
        for part in (passage(image, organ, chosen[organ]), *(passage(image, organ, 1, task) for task in ("segment", "ask")))
    ]
    used = expert_use(seen, LAYERS, CHOICES)
    for layer in used.layers:
        assert layer.region is not None
        assert layer.region.bits == pytest.approx(1.5)
        assert layer.region.p_value < 0.05
        assert (layer.task.bits, layer.task.counted) == (0, 0)
    first, second = used.layers
    assert first.load == pytest.approx((2 / 24, 16 / 24, 4 / 24, 2 / 24))
    assert second.load == pytest.approx((2 / 24, 2 / 24, 16 / 24, 4 / 24))
    assert first.taken == second.taken == 1
    first, second = expert_use(seen, LAYERS, (*CHOICES[:3], "skip 1")).layers
    assert (first.taken, second.taken) == pytest.approx((22 / 24, 20 / 24))
    assert first.load_by_region == {"breast": (0, 0, 1, 0), "liver": (1, 0, 0, 0), "thyroid": (0, 0, 0, 1)}
    assert first.load_by_task == {"ask": (0, 1, 0, 0), "segment": (0, 1, 0, 0)}
    assert (used.num_images, used.num_tokens) == (8, 240)
    assert used.regions == {"breast": 4, "liver": 2, "thyroid": 2}
    assert used.tasks == {"ask": 8, "segment": 8}


def test_experts_that_follow_the_task_tell_its_entropy() -> None:
    seen = [
        part
        for image in range(6)
        for part in (
            passage(image, ORGANS[image % 2], 3),
            *(passage(image, ORGANS[image % 2], k, task) for k, task in enumerate(("segment", "measure", "ask", "report"))),
        )
    ]
    (layer, _) = expert_use(seen, LAYERS, CHOICES).layers
    assert layer.region is not None
    assert (layer.region.bits, layer.region.counted) == (0, 0)
    assert layer.task.bits == pytest.approx(2)
    assert layer.load == pytest.approx((0.2, 0.2, 0.2, 0.4))
    assert layer.entropy == pytest.approx(0.6 * np.log2(5) + 0.4 * np.log2(2.5))


def test_tasks_that_only_go_with_an_organ_are_no_news() -> None:
    """Breasts are mostly segmented and livers mostly measured; the expert follows the organ."""
    kinds = {"breast": ("segment", "segment", "measure"), "liver": ("measure", "measure", "segment")}
    seen = []
    for image in range(20):
        organ = ORGANS[image % 2]
        seen += [passage(image, organ, image % 2), *(passage(image, organ, image % 2, task) for task in kinds[organ])]
    (layer, _) = expert_use(seen, LAYERS, CHOICES).layers
    assert layer.region is not None
    assert layer.region.bits == pytest.approx(1)
    assert layer.task.counted > 0.05
    assert abs(layer.task.bits) < 1e-6


def test_images_of_one_patient_are_one_unit() -> None:
    seen = [
        Passage(
            passage(image, ORGANS[image % 2], image % 2, task).counts, 10, image, f"set/{image % 2}", ORGANS[image % 2], task
        )
        for image in range(12)
        for task in ("", "ask")
    ]
    (layer, _) = expert_use(seen, LAYERS, CHOICES).layers
    assert layer.region is not None
    assert layer.region.counted == pytest.approx(1)
    assert layer.region.p_value > 0.3  # two patients prove nothing
    assert layer.region.bits == 0


def test_images_of_no_organ_have_a_load_only() -> None:
    (layer, _) = expert_use([passage(0, "", 0), passage(0, "", 1, "ask")], LAYERS, CHOICES).layers
    assert layer.region is None
    assert layer.load_by_region == {}
    assert layer.load == (0.5, 0.5, 0, 0)
    with pytest.raises(ValueError, match="no image with a question"):
        expert_use([], LAYERS, CHOICES)


@pytest.mark.parametrize(
    ("block", "verb"),
    [
        (segment.block("cyst"), "segment"),
        (measure.block("area of the cyst"), "measure"),
        (keypoints.block("cyst"), "keypoints"),
        (classify.block("cyst", "benign"), "classify"),
        (report.block("a report"), "report"),
        (Block("Is there a cyst?", "yes"), FREE),
    ],
)
def test_verb_of_a_question(block: Block, verb: str) -> None:
    assert verb_of(block) == verb


@pytest.mark.parametrize("numbers", [{}, {"router_mass": 0.6}, {"num_skip_experts": 2, "num_experts_per_tok": 3}])
def test_every_real_token_is_counted_once(numbers: dict[str, float]) -> None:
    model = sparse(**numbers)
    choices = 4 + int(numbers.get("num_skip_experts", 0))
    seen = list(passages(model, samples(), choices, seed=0))
    images = [part for part in seen if not part.task]
    assert len(images) == 6
    assert {part.num_tokens for part in images} == {model.processor.num_image_tokens}
    assert [part.region for part in images] == list(ORGANS) * 3
    assert {part.image for part in seen} == set(range(6))
    assert all(part.counts.shape == (2, choices) for part in seen)
    for part in seen:
        a_token = part.counts.sum(1) / part.num_tokens
        if "router_mass" in numbers:
            assert ((a_token >= 1) & (a_token <= choices)).all()
        else:
            assert (a_token == numbers.get("num_experts_per_tok", 2)).all()


def test_batches_change_nothing() -> None:
    model, ten = sparse(), samples(10)
    whole, start = list(passages(model, ten, 4, 0)), list(passages(model, ten[:3], 4, 0))
    for part, other in zip(whole, start, strict=False):
        assert (part.task, part.image, part.num_tokens) == (other.task, other.image, other.num_tokens)
        np.testing.assert_allclose(part.counts, other.counts, atol=1)  # a tie may fall the other way


@torch.no_grad()
def follow_the_organ(model: UMindVL) -> None:
    """Set every router by hand, first layer first, so that an image's own tokens take the expert of its organ."""
    shown = samples()
    pixels, _ = model.processor.image_processor([sample.image for sample in shown])
    wanted = torch.tensor([1.0 if sample.organ == ORGANS[0] else -1.0 for sample in shown])
    packed = model.processor.pack([[segment.block("cyst")]] * len(shown))
    count = model.processor.num_image_tokens
    for path in dual_paths(model.model).values():
        states = states_before(model, path, packed["input_ids"], pixels)[:, :count]  # (B, T, D)
        weight = torch.linalg.lstsq(states.flatten(0, 1).double(), wanted.repeat_interleave(count).double()[:, None]).solution
        path.moe.gate.weight.copy_(torch.cat([weight, -weight], 1).T)


def states_before(model: UMindVL, path: DualPath, ids: Tensor, pixels: Tensor) -> Tensor:
    seen: list[Tensor] = []
    hook = path.moe.gate.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
    model.model(ids, pixel_values=pixels)
    hook.remove()
    return seen[0]


@pytest.fixture(scope="module")
def led() -> Iterator[UMindVL]:
    model = sparse(num_experts=2, num_experts_per_tok=1, moe_intermediate_size=64)
    follow_the_organ(model)
    return model


def test_a_router_set_by_hand_to_follow_the_organ(led: UMindVL) -> None:
    used = evaluate_experts(led, samples())
    assert used.choices == ("1", "2")
    assert [layer.layer for layer in used.layers] == ["language.layers.0.mlp", "language.layers.1.mlp"]
    for layer in used.layers:
        assert layer.region is not None
        assert layer.region.bits == pytest.approx(1)
        assert layer.load_by_region == {"breast": (1, 0), "liver": (0, 1)}
        assert sum(layer.load) == pytest.approx(1)


@torch.no_grad()
def test_a_constant_router_tells_nothing() -> None:
    model = sparse(num_experts=2, num_experts_per_tok=2)
    used = evaluate_experts(model, samples(4))
    for layer in used.layers:
        assert layer.region is not None
        assert (layer.region.bits, layer.task.bits) == (pytest.approx(0, abs=1e-9), pytest.approx(0, abs=1e-9))
        assert (layer.load, layer.entropy) == ((0.5, 0.5), 1)


def test_a_model_without_experts_is_refused() -> None:
    with pytest.raises(ValueError, match="has no experts"):
        evaluate_experts(UMindVL(*build()), samples(2))
