"""Packed questions with their truth, and the tensors of a batch."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from umind.data.collate import Collator, centre_of_mask, shrink
from umind.data.conversation import Finding
from umind.data.examples import (
    Example,
    RegionTruth,
    Scene,
    ask_class,
    axis_ends,
    build_example,
    choose_absent,
    observe,
    task_tokens,
)
from umind.data.labelled import Facts, Labelled
from umind.data.mixture import Mixture, Walk
from umind.data.phantom import phantom_sample
from umind.data.store import Store
from umind.geometry.boxes import box_of_mask
from umind.processor.processor import UMindImageProcessor, UMindProcessor
from umind.tokens.slots import IGNORED, anchors, find_slots
from umind.tokens.template import Block
from umind.tokens.tokenizer import train_tokenizer
from umind.tokens.vocabulary import KPT, OWN_IDS, REGION_TOKENS

SIZE = 64


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    samples = [phantom_sample(seed, size=96) for seed in range(40)]
    return Store.write(tmp_path_factory.mktemp("stores") / "phantom-train", samples, 40, 96)


@pytest.fixture(scope="module")
def examples(store: Store) -> list[Example]:
    mixture = Mixture([store], [1.0], size=SIZE, seed=0)
    return [mixture[k] for k in range(200)]


@pytest.fixture(scope="module")
def processor(examples: list[Example]) -> UMindProcessor:
    words = [text for e in examples[:50] for b in e.blocks for text in (b.query, b.response or "")]
    return UMindProcessor(UMindImageProcessor(size=SIZE), train_tokenizer(words, vocab_size=512), 4)


def test_truths_are_as_many_as_task_tokens(examples: list[Example], processor: UMindProcessor) -> None:
    for start in range(0, 200, 8):
        batch = examples[start : start + 8]
        ids = processor.pack([e.blocks for e in batch])["input_ids"]
        areas, points = find_slots(ids, REGION_TOKENS), find_slots(ids, (KPT,))
        truths = [truth for e in batch for truth in e.regions]
        assert len(areas) == len(truths)
        assert areas.rows.tolist() == [row for row, e in enumerate(batch) for _ in e.regions]
        owners = anchors(points, areas, ids).tolist()
        assert sum(len(truths[owner].masks) for owner in owners) == sum(len(e.points) for e in batch)


def test_examples_ask_for_things_that_are_there_and_that_are_not(examples: list[Example]) -> None:
    truths = [truth for e in examples for truth in e.regions]
    present = np.mean([t.present for t in truths])
    assert 0.3 < present < 0.9
    assert max(len(t.masks) for t in truths) >= 3
    assert np.mean([len(e.points) > 0 for e in examples]) > 0.3
    assert all(token for e in examples for b in e.blocks for token in task_tokens(b.response or ""))


def test_a_normal_organ_is_asked_for_what_it_lacks() -> None:
    absent = ("breast lesion", "fetal head", "carotid artery", "nerve", "vessel", "thyroid nodule")
    facts = Facts("own", "train", "k", "k", "breast", (), absent, {})
    scene = observe(Labelled(np.full((SIZE, SIZE), 90, np.uint8), np.zeros((SIZE, SIZE), np.uint8), facts))
    for seed in range(50):
        names = choose_absent(scene, np.random.default_rng(seed))
        assert sum(name in ("breast lesion", "lesion") for name in names) >= 2
    elsewhere = replace(scene, facts=replace(facts, organ="fetal head"), absent=absent)
    assert max(len(choose_absent(elsewhere, np.random.default_rng(seed))) for seed in range(50)) == 2


def test_what_is_to_stay_unheard_is_never_asked(store: Store) -> None:
    def said(**kwargs: object) -> str:
        mixture = Mixture([store], [1.0], size=SIZE, seed=0, **kwargs)
        return " ".join(f"{b.query} {b.response}".lower() for k in range(60) for b in mixture[k].blocks)

    assert "cyst" in said()
    assert "fetal head" in said()
    silent = said(unheard=("cyst", "fetal head"))
    assert "cyst" not in silent
    assert "fetal head" not in silent
    assert "solid lesion" in silent


def test_points_are_the_axis_ends_of_every_instance_of_their_region(examples: list[Example], processor: UMindProcessor) -> None:
    several = 0
    for example in examples:
        ids = processor.pack([example.blocks])["input_ids"]
        areas, tokens = find_slots(ids, REGION_TOKENS), find_slots(ids, (KPT,))
        owners = anchors(tokens, areas, ids).tolist()
        truth = [axis_ends(mask)[place % 4] for place, owner in enumerate(owners) for mask in example.regions[owner].masks]
        np.testing.assert_allclose(example.points, np.array(truth).reshape(-1, 2))
        several += len(owners) < len(truth)
    assert several > 5


def test_an_organ_is_there_without_an_outline(processor: UMindProcessor) -> None:
    facts = Facts("own", "train", "k", "k", "breast", (), ("breast lesion",), {})
    view = Labelled(np.full((SIZE, SIZE), 90, np.uint8), np.zeros((SIZE, SIZE), np.uint8), facts)
    examples = [build_example(view, np.random.default_rng(seed)) for seed in range(200)]
    truths = [truth for e in examples for truth in e.regions if not truth.outlined]
    assert {truth.present for truth in truths} == {True, False}
    assert not any(len(truth.masks) for truth in truths)
    batch = Collator(processor)(examples)
    assert int((1 - batch.regions.outlined).sum()) == len(truths)


def test_batch_agrees_with_itself(examples: list[Example], processor: UMindProcessor) -> None:
    batch = Collator(processor)(examples[:12])
    truth = batch.regions
    assert batch.pixel_values.shape == (12, 1, SIZE, SIZE)
    assert truth.masks.shape[1:] == (SIZE // 2,) * 2
    assert truth.extent.shape == (len(truth.present), SIZE // 8, SIZE // 8)
    there = [bool((truth.slots == k).any()) for k in range(len(truth.present))]
    assert [present and outlined for present, outlined in zip(truth.present, truth.outlined, strict=True)] == there
    masks = [m for e in examples[:12] for t in e.regions for m in t.masks]
    assert len(masks) == len(truth.boxes) > 10
    for k, mask in enumerate(masks):
        np.testing.assert_allclose(truth.boxes[k] * SIZE, box_of_mask(mask), atol=1e-4)
        low, high = truth.boxes[k][:2], truth.boxes[k][2:]
        assert (low <= truth.centres[k]).all()
        assert (truth.centres[k] <= high).all()
        column, row = (truth.centres[k] * SIZE).long().tolist()
        assert mask[row, column]
        assert (abs(truth.sites[k] - truth.centres[k]) <= 0.15 * (high - low) + 1e-6).all()
        assert truth.masks[k].sum() * 4 == pytest.approx(mask.sum(), rel=1e-5)
    for slot in range(len(truth.present)):
        union = np.array(masks)[(truth.slots == slot).numpy()].any(0) if there[slot] else np.zeros((SIZE, SIZE), bool)
        np.testing.assert_allclose(truth.extent[slot], shrink(union[None], 8)[0], atol=1e-6)


def test_labels_are_the_responses_and_nothing_else(examples: list[Example], processor: UMindProcessor) -> None:
    asked = [replace(example, choices=()) for example in examples[:6]]
    batch = Collator(processor)(asked)
    (answer,), end = OWN_IDS.answer, OWN_IDS.end
    for ids, labels in zip(batch.input_ids.tolist(), batch.labels.tolist(), strict=True):
        inside, wanted = False, []
        for place, token in enumerate(ids):
            inside = inside or token == answer
            inside = inside and token != end
            wanted.append(ids[place + 1] if inside else IGNORED)
        assert labels == wanted
        assert all(label == IGNORED for token, label in zip(ids, labels, strict=True) if token == OWN_IDS.pad)


def test_wrong_answers_are_told_from_the_right_one_and_never_taught(examples: list[Example], processor: UMindProcessor) -> None:
    chosen = [example for example in examples if example.choices][:6]
    assert chosen
    batch, plain = (Collator(processor)(given) for given in (chosen, [replace(e, choices=()) for e in chosen]))
    answers = [[example.blocks[k] for k in blocks] for example in chosen for blocks in example.choices]
    assert all(len({block.query for block in blocks}) == 1 for blocks in answers)
    assert all(len({block.response for block in blocks}) == len(blocks) > 1 for blocks in answers)
    choices = batch.choices
    assert choices.questions.tolist() == [k for k, blocks in enumerate(answers) for _ in blocks]
    assert choices.right.tolist() == [float(not k) for blocks in answers for k in range(len(blocks))]
    responses = [block.response for blocks in answers for block in blocks]
    for (row, number), right, response in zip(choices.places.tolist(), choices.right, responses, strict=True):
        block = choices.block_ids[row] == number
        (*words, end) = choices.labels[row][block & (choices.labels[row] != IGNORED)].tolist()
        assert (processor.tokenizer.decode(words).strip(), end) == (response, OWN_IDS.end)
        taught = plain.labels[row] if right else torch.full_like(plain.labels[row], IGNORED)
        assert torch.equal(batch.labels[row][block], taught[block])
    others = torch.stack([choices.block_ids[row] == number for row, number in choices.places.tolist()])
    for row in range(len(chosen)):
        outside = ~others[choices.places[:, 0] == row].any(0)
        assert torch.equal(batch.labels[row][outside], plain.labels[row][outside])
        assert (choices.labels[row][outside] == IGNORED).all()


@pytest.mark.parametrize(
    ("name", "value", "rivals"),
    [("breast lesion", "benign", ("malignant",)), ("lesion", "benign", ("malignant",)), ("breast lesion", "unclear", ())],
)
def test_rivals_are_the_other_options(name: str, value: str, rivals: tuple[str, ...]) -> None:
    found = Finding("breast lesion", np.ones((1, 8, 8), bool), {"class": value})
    scene = Scene(Facts("set", "train", "key", "", "breast", (), (), {}), (found,), (), 8)
    asked = ask_class(scene, name, np.random.default_rng(0))
    assert asked is not None
    assert (asked.block.response, asked.rivals) == (value, rivals)


def test_batch_is_the_same_whenever_it_is_made(examples: list[Example], processor: UMindProcessor) -> None:
    first, second = Collator(processor)(examples[:4]), Collator(processor)(examples[:4])
    assert torch.equal(first.regions.sites, second.regions.sites)
    assert torch.equal(first.input_ids, second.input_ids)


def test_batch_without_any_region(processor: UMindProcessor) -> None:
    pixels = np.zeros((SIZE, SIZE), np.uint8)
    example = Example(pixels, (Block("what is scanned here?", "breast"),), (), np.zeros((0, 2)))
    truth = Collator(processor)([example, example]).regions
    assert truth.extent.shape == (0, 8, 8)
    assert truth.masks.shape == (0, 32, 32)
    assert truth.boxes.shape == (0, 4)
    absent = Example(
        pixels,
        (Block("segment cyst", "[SEG]"),),
        (RegionTruth(np.zeros((0, SIZE, SIZE), bool), present=False),),
        np.zeros((0, 2)),
    )
    truth = Collator(processor)([absent]).regions
    assert truth.present.tolist() == [0.0]
    assert truth.extent.sum() == 0


def test_true_lengths_are_stretched(processor: UMindProcessor) -> None:
    mask = np.zeros((1, SIZE, SIZE), bool)
    mask[0, 10:30, 10:50] = True
    truth = (RegionTruth(mask, present=True),)
    plain = Example(np.zeros((SIZE, SIZE), np.uint8), (Block("segment fetal head", "[SEG]"),), truth, np.zeros((0, 2)))
    first, second = (
        Collator(processor)([plain, replace(plain, stretch=stretch), plain]).regions.lengths for stretch in (1.0, 0.9)
    )
    assert torch.equal(second[[0, 2]], first[[0, 2]])
    assert second[1].tolist() == pytest.approx((0.9 * first[1]).tolist())


def test_centre_of_a_ring_lies_on_it() -> None:
    ys, xs = np.mgrid[:64, :64]
    ring = abs(np.hypot(xs - 32, ys - 32) - 20) < 3
    x, y = centre_of_mask(ring)
    assert ring[int(y), int(x)]
    disc = np.hypot(xs - 20, ys - 41) < 9
    np.testing.assert_allclose(centre_of_mask(disc), (20.5, 41.5))


def test_image_with_nothing_known_still_makes_an_example() -> None:
    facts = Facts("own", "train", "k", "k", "kidney", (), (), {})
    view = Labelled(np.zeros((SIZE, SIZE), np.uint8), np.zeros((SIZE, SIZE), np.uint8), facts)
    for seed in range(20):
        example = build_example(view, np.random.default_rng(seed))
        assert example.blocks
        assert not any(truth.outlined for truth in example.regions)


def test_walk_shows_each_image_once(store: Store) -> None:
    walk = Walk([store, store], size=SIZE, seed=1, limit=7)
    assert len(walk) == 14
    assert [place for _, place in walk.places[:7]] == sorted({place for _, place in walk.places[:7]})
    np.testing.assert_array_equal(walk[3].pixels, walk[3].pixels)
    assert walk[3].blocks == Walk([store, store], size=SIZE, seed=1, limit=7)[3].blocks
    assert len(Walk([store], size=SIZE, seed=1, limit=None)) == len(store)
