from collections.abc import Iterator
from operator import attrgetter

import pytest
import torch
from tiny_network import FIND, MEASURE, POINT, SEGMENT, WORDS, build, inputs, pixel_values
from torch import Tensor

from umind.decoders.decoder import InstanceSites
from umind.model import StateRecorder, UMindConfig, UMindModel
from umind.processor.processor import UMindProcessor
from umind.tokens.slots import IGNORED, find_slots, layout, visible_to_last_block
from umind.tokens.template import Block
from umind.tokens.vocabulary import KPT, OWN_IDS, REGION_TOKENS

MODEL, PROCESSOR = build()


@pytest.fixture
def model() -> Iterator[UMindModel]:
    yield MODEL.eval()
    MODEL.zero_grad()


@pytest.fixture
def processor() -> UMindProcessor:
    return PROCESSOR


def states(blocks: list[list[Block]], images: Tensor | None = None) -> list[list[Tensor]]:
    """Hidden states of the prefix and of every block, for each row."""
    packed = inputs(PROCESSOR.pack(blocks))
    with torch.no_grad():
        hidden = MODEL.eval()(**packed, pixel_values=pixel_values(len(blocks)) if images is None else images).hidden
    numbers = layout(**packed).block_ids
    return [[hidden[row, numbers[row] == k] for k in range(len(blocks[row]) + 1)] for row in range(len(blocks))]


def close(one: Tensor, other: Tensor) -> None:
    torch.testing.assert_close(one, other, atol=5e-5, rtol=1e-5)


@pytest.mark.parametrize("others", [[WORDS], [POINT, MEASURE, SEGMENT], [Block("a long question " * 5, "no")]])
def test_a_block_does_not_see_the_others(others: list[Block]) -> None:
    ((prefix, alone),) = states([[SEGMENT]])
    for place in range(len(others) + 1):
        ((same, *found),) = states([[*others[:place], SEGMENT, *others[place:]]])
        close(found[place], alone)
        close(same, prefix)


def test_a_block_does_not_see_padding_or_other_rows() -> None:
    ((prefix, alone),) = states([[SEGMENT]])
    batch = states([[SEGMENT], [WORDS, POINT, MEASURE]])
    close(batch[0][0], prefix)
    close(batch[0][1], alone)


def test_right_padding_gives_the_same(model: UMindModel, processor: UMindProcessor) -> None:
    packed = inputs(processor.pack([[SEGMENT], [WORDS, POINT]]))
    pad = int((packed["attention_mask"][0] == 0).sum())
    rolled = {name: torch.stack([tensor[0].roll(-pad), tensor[1]]) for name, tensor in packed.items()}
    with torch.no_grad():
        left = model(**packed, pixel_values=pixel_values(2)).hidden
        right = model(**rolled, pixel_values=pixel_values(2)).hidden
    close(right[0, :-pad], left[0, pad:])
    close(right[1], left[1])


def test_the_prefix_attends_both_ways(model: UMindModel, processor: UMindProcessor) -> None:
    packed = inputs(processor.pack([[SEGMENT]]))
    with torch.no_grad():
        features = model.encode(pixel_values(1))
        before = model(**packed, features=features).hidden
        features.tokens[0, -1] += 1
        after = model(**packed, features=features).hidden
    assert packed["input_ids"][0, 0] == OWN_IDS.image
    assert (after[0, 0] - before[0, 0]).abs().max() > 1e-3


def test_a_block_is_causal(model: UMindModel, processor: UMindProcessor) -> None:
    packed = inputs(processor.pack([[WORDS]]))
    changed = packed["input_ids"].clone()
    changed[0, -1] = changed[0, -2]
    with torch.no_grad():
        before = model(**packed, pixel_values=pixel_values(1)).hidden
        after = model(input_ids=changed, attention_mask=packed["attention_mask"], pixel_values=pixel_values(1)).hidden
    close(after[:, :-1], before[:, :-1])
    assert (after[:, -1] - before[:, -1]).abs().max() > 1e-3


def test_states_depend_on_the_image() -> None:
    ((_, one),) = states([[SEGMENT]], pixel_values(2)[:1])
    ((_, other),) = states([[SEGMENT]], pixel_values(2)[1:])
    assert (one - other).abs().max() > 1e-3


@torch.no_grad()
def test_shapes(model: UMindModel, processor: UMindProcessor) -> None:
    packed = inputs(processor.pack([[SEGMENT, POINT, FIND], [WORDS, MEASURE]]))
    length = packed["input_ids"].shape[1]
    output = model(**packed, pixel_values=pixel_values(2))
    assert output.logits.shape == (2, length, len(processor.tokenizer))
    assert output.hidden.shape == (2, length, 64)
    assert output.points.heatmaps.shape == (len(output.points.tokens), 16, 16)
    assert output.regions.centres.shape == output.regions.extent.shape == (4, 8, 8)
    assert output.regions.presence.shape == (4,)
    assert output.regions.masks.shape == (len(output.regions.slots), 32, 32)
    assert output.past_key_values is None


@torch.no_grad()
def test_decoding_can_be_left_out(model: UMindModel, processor: UMindProcessor) -> None:
    packed = inputs(processor.pack([[SEGMENT]]))
    output = model(**packed, pixel_values=pixel_values(1), decode=False, use_cache=True)
    assert output.regions is None
    assert output.points is None
    assert output.past_key_values.get_seq_length() == packed["input_ids"].shape[1]


@torch.no_grad()
def test_no_task_tokens(model: UMindModel, processor: UMindProcessor) -> None:
    output = model(**inputs(processor.pack([[WORDS]])), pixel_values=pixel_values(1))
    assert len(output.points.heatmaps) == len(output.regions.masks) == len(output.regions.presence) == 0


@torch.no_grad()
def test_points_stand_on_the_instances_of_the_region_before_them(model: UMindModel, processor: UMindProcessor) -> None:
    sites = InstanceSites(torch.tensor([0, 1, 1, 3]), torch.rand(4, 2))
    alone = Block("ends of cyst", "[KPT]")
    packed = inputs(processor.pack([[SEGMENT, POINT, alone], [FIND, POINT]]))
    points = model(**packed, pixel_values=pixel_values(2), sites=sites).points
    assert points.tokens.tolist() == [0, 0, 1, 1, 3, 4]  # two tokens for the two instances of slot 1, none for the lone token
    assert points.instances.tolist() == [1, 2, 1, 2, 3, 3]


@torch.no_grad()
def test_encoded_features_stand_for_pixels(model: UMindModel, processor: UMindProcessor) -> None:
    packed = inputs(processor.pack([[SEGMENT]]))
    one = model(**packed, pixel_values=pixel_values(1))
    other = model(**packed, features=model.encode(pixel_values(1)))
    assert torch.equal(one.logits, other.logits)
    assert torch.equal(one.regions.masks, other.regions.masks)


@torch.no_grad()
def test_batch_equals_one_by_one(model: UMindModel, processor: UMindProcessor) -> None:
    blocks, images = [[SEGMENT, POINT], [WORDS], [MEASURE, WORDS, POINT]], pixel_values(3)
    packed = inputs(processor.pack(blocks))
    together = model(**packed, pixel_values=images)
    areas, pointed = (find_slots(packed["input_ids"], kinds) for kinds in (REGION_TOKENS, (KPT,)))
    for row in range(3):
        alone_packed = inputs(processor.pack(blocks[row : row + 1]))
        alone = model(**alone_packed, pixel_values=images[row : row + 1])
        length = alone_packed["input_ids"].shape[1]
        torch.testing.assert_close(alone.logits[0], together.logits[row, -length:], atol=1e-4, rtol=1e-4)
        heatmaps = together.points.heatmaps[pointed.rows[together.points.tokens] == row]
        torch.testing.assert_close(alone.points.heatmaps, heatmaps, atol=1e-4, rtol=1e-4)
        mine = (areas.rows == row).nonzero()[:, 0]
        torch.testing.assert_close(alone.regions.presence, together.regions.presence[mine], atol=1e-4, rtol=1e-4)
        instances = torch.isin(together.regions.slots, mine)
        for name in ("points", "scores", "masks", "boxes", "lengths.log_scale"):
            expected = attrgetter(name)(together.regions)[instances]
            torch.testing.assert_close(attrgetter(name)(alone.regions), expected, atol=1e-4, rtol=1e-4)


def test_gradient_reaches_every_parameter(model: UMindModel, processor: UMindProcessor) -> None:
    packed = processor.pack([[SEGMENT, POINT, WORDS], [MEASURE, FIND]])
    sites = InstanceSites(torch.arange(4), torch.tensor([[0.3, 0.4], [0.4, 0.5], [0.6, 0.6], [0.8, 0.2]]))
    output = model.train()(**inputs(packed), pixel_values=pixel_values(2), sites=sites)
    asked = packed["labels"] != IGNORED
    total = torch.nn.functional.cross_entropy(output.logits[asked], packed["labels"][asked])
    total = total + output.points.heatmaps.square().mean()
    for name in ("centres", "extent", "presence", "masks", "quality", "boxes", "lengths.log_scale", "lengths.log_spread"):
        total = total + attrgetter(name)(output.regions).square().mean()
    total.backward()
    parameters = dict(model.named_parameters())
    assert {name.split(".")[0] for name in parameters} == {"pixels", "language", "regions", "points"}
    assert [name for name, p in parameters.items() if p.grad is None or not p.grad.isfinite().all()] == []
    assert [name for name, p in parameters.items() if p.grad is not None and not p.grad.any()] == []


def continue_without_cache(model: UMindModel, ids: Tensor, images: Tensor, steps: int) -> Tensor:
    """Greedy continuation, each step from the start; the end is not allowed."""
    for _ in range(steps):
        logits = model(input_ids=ids, pixel_values=images, decode=False).logits[:, -1]
        logits[:, OWN_IDS.end] = -torch.inf
        ids = torch.cat([ids, logits.argmax(1, keepdim=True)], 1)
    return ids


OPEN = Block("describe the cyst")


@torch.no_grad()
def test_generation_equals_feeding_tokens_one_by_one(model: UMindModel, processor: UMindProcessor) -> None:
    packed, images = inputs(processor.pack([[OPEN]])), pixel_values(1)
    generated = model.generate(**packed, pixel_values=images, max_new_tokens=8, min_new_tokens=8, do_sample=False)
    expected = continue_without_cache(model, packed["input_ids"], images, 8)
    assert generated.tolist() == expected.tolist()
    assert len(set(generated[0, -8:].tolist())) > 1


@torch.no_grad()
def test_generation_of_a_padded_batch_equals_one_by_one(model: UMindModel, processor: UMindProcessor) -> None:
    blocks, images = [[OPEN], [Block("is it a benign cyst or no")]], pixel_values(2)
    packed = inputs(processor.pack(blocks))
    both = model.generate(**packed, pixel_values=images, max_new_tokens=6, min_new_tokens=6, do_sample=False)
    for row in range(2):
        alone = continue_without_cache(model, processor.pack(blocks[row : row + 1])["input_ids"], images[row : row + 1], 6)
        assert both[row, -6:].tolist() == alone[0, -6:].tolist()


@torch.no_grad()
def test_generation_behind_other_blocks_continues_the_last_one(model: UMindModel, processor: UMindProcessor) -> None:
    packed, images = inputs(processor.pack([[SEGMENT, WORDS, OPEN]])), pixel_values(1)
    prefill = model(**packed, pixel_values=images, use_cache=True)
    prefill.past_key_values.crop(-1)
    generated = model.generate(
        input_ids=packed["input_ids"],
        attention_mask=visible_to_last_block(layout(**packed)),
        past_key_values=prefill.past_key_values,
        max_new_tokens=6,
        min_new_tokens=6,
        do_sample=False,
    )
    alone = continue_without_cache(model, processor.pack([[OPEN]])["input_ids"], images, 6)
    assert generated[0, -6:].tolist() == alone[0, -6:].tolist()


@torch.no_grad()
def test_pixels_are_encoded_once_for_a_generation(model: UMindModel, processor: UMindProcessor) -> None:
    calls: list[int] = []
    hook = model.pixels.register_forward_hook(lambda *_: calls.append(1))
    model.generate(
        **inputs(processor.pack([[OPEN]])), pixel_values=pixel_values(1), max_new_tokens=4, min_new_tokens=4, do_sample=False
    )
    hook.remove()
    assert len(calls) == 1


@torch.no_grad()
def test_recorded_states_equal_a_second_forward(model: UMindModel, processor: UMindProcessor) -> None:
    packed, images = inputs(processor.pack([[OPEN], [Block("is it a benign cyst or no")]])), pixel_values(2)
    recorder = StateRecorder()
    generated = model.generate(
        **packed, pixel_values=images, recorder=recorder, max_new_tokens=6, min_new_tokens=6, do_sample=False
    )
    ids, hidden = recorder.sequence()
    assert torch.equal(ids, generated[:, :-1])  # the last token had no step of its own
    mask = torch.cat(
        [packed["attention_mask"], torch.ones(2, ids.shape[1] - packed["input_ids"].shape[1], dtype=torch.long)], 1
    )
    again = model(input_ids=ids, attention_mask=mask, pixel_values=images).hidden
    torch.testing.assert_close(hidden[mask.bool()], again[mask.bool()], atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_decode_reads_task_tokens_wherever_they_came_from(model: UMindModel, processor: UMindProcessor) -> None:
    packed = inputs(processor.pack([[SEGMENT, POINT]]))
    features = model.encode(pixel_values(1))
    output = model(**packed, features=features)
    regions, points = model.decode(packed["input_ids"], output.hidden, features)
    assert torch.equal(regions.masks, output.regions.masks)
    assert torch.equal(points.heatmaps, output.points.heatmaps)


def test_head_and_embedding_are_tied(model: UMindModel) -> None:
    assert model.lm_head.weight is model.language.embed_tokens.weight
    assert model.get_input_embeddings() is model.language.embed_tokens  # peft looks for tied tables there


def test_tiny_is_small() -> None:
    with torch.device("meta"):
        model = UMindModel(UMindConfig.tiny())
    assert sum(p.numel() for p in model.parameters()) <= 10e6
