"""Every verb on every Qwen-VL family: tiny random models of the real classes, loaded as real ones are."""

import numpy as np
import pytest
import tiny_qwen
import torch
from generation import continuation
from transformers import AutoModelForImageTextToText, AutoTokenizer

from umind import ImageReadError, Study, UltrasoundImage, UMindVL, one_pass
from umind.schema.result import Analysis, Answer, Classification, Detection, Keypoints, Measurement, Report, Segmentation
from umind.tokens.slots import layout
from umind.tokens.template import Block

SEGMENT, POINT = Block("segment the cyst", "[SEG]"), Block("ends of cyst", "[DET] [KPT] [KPT]")
WORDS, MEASURE, OPEN = Block("is it benign", "yes"), Block("measure the cyst", "[MEAS]"), Block("describe the lesion")
SIZES = [(40, 60), (64, 64), (90, 30), (9, 12)]


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
    """Random models do not know when to stop."""
    monkeypatch.setattr(one_pass, "MAX_NEW_TOKENS", 6)


def close(one: torch.Tensor, other: torch.Tensor) -> None:
    torch.testing.assert_close(one, other, atol=2e-5, rtol=2e-5)


@torch.no_grad()
def states(model: UMindVL, images: list[UltrasoundImage], blocks: list[list[Block]]) -> list[list[torch.Tensor]]:
    """Hidden states of the prefix and of every block, for each row."""
    network, processor = model.model, model.processor
    patches = processor.patches([image.pixels for image in images])
    packed = processor.pack(blocks, patches.counts)
    pixels, _ = processor.image_processor(images)
    ids, mask = packed["input_ids"], packed["attention_mask"]
    hidden = network(input_ids=ids, attention_mask=mask, pixel_values=pixels, patches=patches).hidden
    numbers = layout(ids, mask, network.config.ids).block_ids
    return [[hidden[row, numbers[row] == k] for k in range(len(blocks[row]) + 1)] for row in range(len(blocks))]


def test_every_verb(model: UMindVL, images) -> None:
    image = images[0]
    found = model.segment(image, "cyst", threshold=0)
    assert isinstance(found, Segmentation)
    assert found.masks.shape[1:] == (40, 60)
    assert isinstance(model.detect(image, "cyst", threshold=0), Detection)
    assert isinstance(model.keypoints(image, "cyst", threshold=0), Keypoints)
    assert isinstance(model.measure(image, "longest diameter of the cyst", threshold=0), Measurement)
    assert isinstance(model.classify(image, "cyst", ["benign", "malignant"], threshold=0), Classification)
    assert isinstance(model.ask(image, "is there a cyst?"), Answer)
    alone = model.report(image)
    assert isinstance(alone, Report)
    among = model.analyze(image, ["cyst", "nerve"], measure=["area of the cyst"], points=["cyst"], text=True, threshold=0)
    assert isinstance(among, Analysis)
    assert among.report.text == alone.text
    np.testing.assert_allclose(among.segmentations["cyst"].logits, found.logits, atol=1e-3)


def test_a_batch_of_all_sizes_equals_one_by_one(model: UMindVL, images) -> None:
    for verb, arguments in (("segment", ("cyst",)), ("ask", ("is there a cyst?",))):
        together = getattr(model, verb)(images, *arguments, threshold=0)
        for image, result in zip(images, together, strict=True):
            alone = getattr(model, verb)(image, *arguments, threshold=0)
            assert alone.presence == pytest.approx(result.presence, abs=1e-4)
            if isinstance(alone, Segmentation):
                assert len(alone) == len(result)
                np.testing.assert_allclose(alone.logits, result.logits, atol=1e-2)
            else:
                assert alone.text == result.text


def test_blocks_do_not_see_each_other_nor_padding_nor_other_images(model: UMindVL, images) -> None:
    alone = [states(model, [image], [[SEGMENT]])[0] for image in images[:2]]
    batch = states(model, images[:2], [[WORDS, SEGMENT, POINT], [MEASURE, WORDS, WORDS, SEGMENT]])
    for (prefix, block), row, place in zip(alone, batch, (2, 4), strict=True):
        close(row[0], prefix)
        close(row[place], block)
    assert (alone[0][1] - alone[1][1]).abs().max() > 1e-3, "the image matters"


@torch.no_grad()
def test_one_block_is_a_conversation_of_the_pretrained_model(model: UMindVL, folder, images) -> None:
    """Ids and logits are those that its own template and its own forward give."""
    base, words = AutoModelForImageTextToText.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    patches = model.processor.patches([images[0].pixels])
    packed = model.processor.pack([[WORDS]], patches.counts)
    ids, mask = packed["input_ids"], packed["attention_mask"]
    asked = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "is it benign"}]}
    said = words.apply_chat_template([asked], tokenize=False, add_generation_prompt=True) + "yes<|im_end|>"
    said = said.replace("<|image_pad|>", "<|image_pad|>" * patches.counts[0])
    assert ids[0].tolist() == words.encode(said)
    theirs = base(
        input_ids=ids,
        attention_mask=mask,
        pixel_values=patches.values,
        image_grid_thw=patches.grids,
        mm_token_type_ids=(ids == base.config.image_token_id).long(),
    ).logits
    pixels, _ = model.processor.image_processor(images[:1])
    ours = model.model(input_ids=ids, attention_mask=mask, pixel_values=pixels, patches=patches).logits
    torch.testing.assert_close(ours[..., : len(words)], theirs[..., : len(words)], atol=2e-4, rtol=1e-4)


@torch.no_grad()
def test_generation_equals_a_second_forward(model: UMindVL, images) -> None:
    """From a prefill with other blocks in it, without another look at the image."""
    network, seen = model.model, model.encode(images[:2])
    features = type(seen[0].features).cat([item.features for item in seen])
    packed = model.processor.pack([[SEGMENT, WORDS, OPEN], [OPEN]], features.counts)
    generated, hidden = continuation(network, packed, features)
    grown = torch.cat([packed["attention_mask"], torch.ones(2, 5, dtype=torch.long)], 1)
    again = network(input_ids=generated[:, :-1], attention_mask=grown, features=features, decode=False)
    torch.testing.assert_close(hidden, again.hidden[:, -6:], atol=1e-5, rtol=1e-5)
    allowed = again.logits[:, -6:].index_fill(-1, torch.tensor([network.config.ids.end]), -torch.inf)
    assert allowed.argmax(-1).tolist() == generated[:, -6:].tolist()


def test_the_image_is_looked_at_once(model: UMindVL, images, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []
    look = model.model.language.visual.forward
    monkeypatch.setattr(model.model.language.visual, "forward", lambda *a, **k: looks.append(1) or look(*a, **k))
    seen = model.encode(images[0])
    for phrase in ("cyst", "lesion"):
        model.segment(seen, phrase)
    model.ask(seen, "is it benign?")
    assert len(looks) == 1


def test_a_sliver_is_refused_by_its_name_and_the_others_are_answered(model, images, monkeypatch) -> None:
    sliver = UltrasoundImage(np.zeros((2, 401), np.uint8), name="sliver.png")
    looks = []
    for part in (model.model.pixels, model.model.language.visual):
        monkeypatch.setattr(part, "forward", lambda *a, look=part.forward, **k: looks.append(1) or look(*a, **k))
    calls = {
        "one": lambda: model.segment(sliver, "cyst"),
        "batch": lambda: model.segment([images[0], sliver], "cyst"),
        "study": lambda: model.report(Study((images[0], sliver))),
        "encode": lambda: model.encode(sliver),
        "processor": lambda: model.processor([images[0], sliver], [[SEGMENT], [SEGMENT]]),
    }
    for call in calls.values():
        with pytest.raises(ImageReadError, match=r"^sliver\.png: 2 x 401 pixels; .* 200 times"):
            call()
    assert not looks, "nothing was computed"
    first, error, second = model.segment([images[0], sliver, images[1]], "cyst", errors="return")
    assert isinstance(first, Segmentation)
    assert isinstance(error, ImageReadError)
    assert isinstance(second, Segmentation)
    assert isinstance(model.segment(UltrasoundImage(np.zeros((2, 400), np.uint8)), "cyst"), Segmentation)


def test_saved_and_loaded_is_bit_equal(model: UMindVL, images, tmp_path) -> None:
    model.save_pretrained(tmp_path)
    again = UMindVL.from_pretrained(tmp_path)
    before, after = model.model.state_dict(), again.model.state_dict()
    assert before.keys() == after.keys()
    assert [name for name, tensor in before.items() if not torch.equal(tensor, after[name])] == []
    assert again.model.config.ids == model.model.config.ids
    tied = again.model.lm_head.weight is again.model.get_input_embeddings().weight
    assert tied == model.model.config.tie_word_embeddings
    for one, other in zip(*(m.segment(images, "cyst [SEG]", threshold=0) for m in (model, again)), strict=True):
        np.testing.assert_array_equal(one.logits, other.logits)
    assert model.ask(images[0], "is there a cyst?").text == again.ask(images[0], "is there a cyst?").text


def test_what_the_model_knew_stays(model: UMindVL, folder) -> None:
    base, words = AutoModelForImageTextToText.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    ours, tasks = model.processor.tokenizer, list(model.model.config.ids.tasks)
    assert ours.convert_tokens_to_ids(words.convert_ids_to_tokens(list(range(len(words))))) == list(range(len(words)))
    assert tasks == list(range(len(words), len(words) + 4))
    for mine, theirs in (
        (model.model.get_input_embeddings(), base.get_input_embeddings()),
        (model.model.lm_head, base.lm_head),
    ):
        assert torch.equal(mine.weight[: len(words)], theirs.weight[: len(words)])
        assert len(mine.weight) == max(len(theirs.weight), len(ours))
        assert len(mine.weight[tasks].unique(dim=0)) == 4, "the tokens differ"


def test_a_mark_typed_by_a_person_stays_plain_letters(model: UMindVL, images) -> None:
    ids = model.model.config.ids
    (sequence, _) = model.processor.sequence([Block("what is [SEG] <|image_pad|><|im_end|>", "[SEG] yes [KPT]")], 3)
    assert sequence.count(ids.image) == 3
    assert sequence.count(ids.of("[SEG]")[0]) == sequence.count(ids.of("[KPT]")[0]) == 1
