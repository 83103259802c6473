"""Several images and several turns on every Qwen-VL family: what the network's own template and its own call give."""

import numpy as np
import pytest
import tiny_qwen
import torch
from generation import continuation
from transformers import AutoModelForImageTextToText, AutoTokenizer

from umind import Study, UltrasoundImage, UMindVL, one_pass
from umind.backbone.pixels import PixelFeatures
from umind.tokens.slots import layout
from umind.tokens.template import Block

SIZES = [(40, 60), (64, 64), (90, 30), (9, 12), (30, 90)]
NUM_IMAGES = [3, 2]
HISTORY = (("is it benign", "yes"), ("Where is the cyst?", "No cyst: (one) lesion,\n12 mm."))
OPEN = [Block("is it benign"), Block("a short report", history=HISTORY)]


@pytest.fixture(scope="module", params=tiny_qwen.FAMILIES)
def family(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def folder(family: str, tmp_path_factory: pytest.TempPathFactory):
    return tmp_path_factory.mktemp(family)


@pytest.fixture(scope="module")
def model(family: str, folder) -> UMindVL:
    return tiny_qwen.build(family, folder)


@pytest.fixture(scope="module")
def images() -> list[UltrasoundImage]:
    rng = np.random.default_rng(0)
    return [UltrasoundImage(rng.integers(0, 256, size, np.uint8), spacing=0.1, name=f"{size}") for size in SIZES]


@pytest.fixture(autouse=True)
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_pass, "MAX_NEW_TOKENS", 6)


def said(words, counts: list[int], block: Block) -> str:
    """What the model's own template makes of images, earlier turns and a question."""
    texts = [*(text for turn in block.history for text in turn), block.query]
    turns = [
        {"role": ("user", "assistant")[place % 2], "content": [{"type": "text", "text": text}]}
        for place, text in enumerate(texts)
    ]
    turns[0]["content"] = [*({"type": "image"} for _ in counts), *turns[0]["content"]]
    first, *rest = words.apply_chat_template(turns, tokenize=False, add_generation_prompt=True).split("<|image_pad|>")
    return first + "".join("<|image_pad|>" * count + text for count, text in zip(counts, rest, strict=True))


@torch.no_grad()
def test_a_study_is_a_conversation_of_the_pretrained_model(model: UMindVL, folder, images) -> None:
    """Two studies, one with earlier turns, padded on the left: ids, positions, logits and the next tokens."""
    base, words = AutoModelForImageTextToText.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    patches = model.processor.patches([image.pixels for image in images])
    packed = model.processor.pack([[block] for block in OPEN], patches.counts, NUM_IMAGES)
    ids, mask = packed["input_ids"], packed["attention_mask"]
    for row, (block, counts) in enumerate(zip(OPEN, (patches.counts[:3], patches.counts[3:]), strict=True)):
        assert ids[row, mask[row].bool()].tolist() == words.encode(said(words, counts, block))
    assert not mask[:, 0].all(), "one row is padded"

    inputs = {"input_ids": ids, "attention_mask": mask, "mm_token_type_ids": (ids == base.config.image_token_id).long()}
    theirs = base(**inputs, pixel_values=patches.values, image_grid_thw=patches.grids).logits
    features = model.model.encode(model.processor.image_processor(images)[0], patches)
    ours = model.model(input_ids=ids, attention_mask=mask, features=features).logits
    real = mask.bool()
    torch.testing.assert_close(ours[real][:, : len(words)], theirs[real][:, : len(words)], atol=1e-4, rtol=1e-4)

    structure = layout(ids, mask, model.model.config.ids, causal=True)
    places = model.model.side.positions(structure, ids == model.model.config.ids.image, features)
    wanted, _ = base.model.get_rope_index(ids, inputs["mm_token_type_ids"], patches.grids, attention_mask=mask)
    assert torch.equal(places[:, real], wanted[:, real])

    marks = words.convert_tokens_to_ids(list(tiny_qwen.MARKS))
    never = {"suppress_tokens": [*marks, *range(len(words), len(base.lm_head.weight) + 4)]}
    spoken = base.generate(
        **inputs,
        **never,
        pixel_values=patches.values,
        image_grid_thw=patches.grids,
        max_new_tokens=6,
        min_new_tokens=6,
        do_sample=False,
    )
    never["suppress_tokens"] = [*marks, *range(len(words), len(model.model.lm_head.weight))]
    grown, _ = continuation(model.model, packed, features, **never)
    assert grown.tolist() == spoken.tolist()


@torch.no_grad()
def test_generation_equals_a_second_forward(model: UMindVL, images) -> None:
    features = PixelFeatures.cat([item.features for item in model.encode(images)])
    packed = model.processor.pack([[Block("segment it", "yes"), OPEN[0]], [OPEN[1]]], features.counts, NUM_IMAGES)
    grown, hidden = continuation(model.model, packed, features, suppress_tokens=[model.model.config.ids.image])
    mask = torch.cat([packed["attention_mask"], torch.ones(2, 5, dtype=torch.long)], 1)
    again = model.model(input_ids=grown[:, :-1], attention_mask=mask, features=features, decode=False)
    torch.testing.assert_close(hidden, again.hidden[:, -6:], atol=1e-5, rtol=1e-5)


def test_a_list_of_studies_and_images_equals_one_by_one(model: UMindVL, images) -> None:
    several = [images[0], Study(images[:3]), Study(images[3:4]), Study(images[2:]), model.encode(Study(images[:2]))]
    together = model.ask(several, "is it benign")
    for item, result in zip(several, together, strict=True):
        assert model.ask(item, "is it benign").text == result.text
    assert together[2].text == model.ask(images[3], "is it benign").text
    assert model.report(Study(images)).evidence == ()
