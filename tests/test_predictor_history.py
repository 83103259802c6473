"""Earlier turns of a conversation, on a small random model; `test_qwen_study` has the Qwen-VLs."""

import numpy as np
import pytest
import torch
from generation import continuation

from umind import Study, UltrasoundImage, UMindVL, one_pass
from umind.backbone.pixels import PixelFeatures
from umind.tokens.slots import IGNORED, layout
from umind.tokens.template import MAX_QUERY_TOKENS, Block
from umind.tokens.tokenizer import encode_text
from umind.tokens.vocabulary import OWN_IDS

HISTORY = (("Is there a cyst?", "No, but [SEG] a lesion."), ("Where?", "In the left half."))
QUESTION = "is it benign?"


@pytest.fixture(scope="module")
def images() -> list[UltrasoundImage]:
    rng = np.random.default_rng(0)
    return [UltrasoundImage(rng.integers(0, 256, size, np.uint8)) for size in [(40, 60), (64, 64), (90, 50)]]


@pytest.fixture(autouse=True)
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_pass, "MAX_NEW_TOKENS", 8)


def test_earlier_turns_stand_before_the_question_in_its_block(random_umind: UMindVL) -> None:
    processor = random_umind.processor
    ids, labels = processor.sequence([Block("segment cyst", "[SEG]"), Block(QUESTION, "yes", HISTORY)], 3)
    start = len(processor.sequence([Block("segment cyst", "[SEG]")], 3)[0])
    turns = [piece for asked, said in HISTORY for piece in (asked, OWN_IDS.answer[0], said, OWN_IDS.end)]
    wanted = [OWN_IDS.query, *turns, QUESTION, OWN_IDS.answer[0], "yes", OWN_IDS.end]
    words = processor.tokenizer
    assert ids[start:] == [n for piece in wanted for n in ([piece] if isinstance(piece, int) else encode_text(words, piece))]
    assert OWN_IDS.of("[SEG]")[0] not in ids[start:], "a task token in an earlier answer is plain letters"
    taught = [label for label in labels[start:] if label != IGNORED]
    assert taught == [*encode_text(words, "yes"), OWN_IDS.end], "earlier answers are no targets"
    block_ids = layout(torch.tensor([ids]), torch.ones(1, len(ids), dtype=torch.long)).block_ids[0].tolist()
    assert block_ids[start:] == [2] * (len(ids) - start)


def test_a_long_question_is_cut_and_a_long_answer_is_not(random_umind: UMindVL) -> None:
    sequence, long = random_umind.processor.sequence, " ".join(["cyst"] * 2 * MAX_QUERY_TOKENS)
    plain = len(sequence([Block(QUESTION, history=(("", ""),))])[0])
    with pytest.warns(UserWarning, match="was cut to"):
        assert len(sequence([Block(QUESTION, history=((long, ""),))])[0]) == plain + MAX_QUERY_TOKENS
    told = len(encode_text(random_umind.processor.tokenizer, long))
    assert len(sequence([Block(QUESTION, history=(("", long),))])[0]) == plain + told > plain + MAX_QUERY_TOKENS


@torch.no_grad()
def test_generation_equals_a_second_forward(random_umind: UMindVL, images) -> None:
    """Of a study with a history and an image without, in one batch."""
    network = random_umind.model
    features = PixelFeatures.cat([item.features for item in random_umind.encode(images)])
    blocks = [[Block("is it benign", "yes"), Block(QUESTION, history=HISTORY)], [Block(QUESTION)]]
    packed = random_umind.processor.pack(blocks, features.counts, [2, 1])
    grown, hidden = continuation(network, packed, features, suppress_tokens=[OWN_IDS.image, OWN_IDS.query])
    longer = torch.cat([packed["attention_mask"], torch.ones(2, 5, dtype=torch.long)], 1)
    again = network(input_ids=grown[:, :-1], attention_mask=longer, features=features, decode=False).hidden[:, -6:]
    torch.testing.assert_close(hidden, again, atol=1e-5, rtol=1e-5)
    other = random_umind.processor.pack([[Block(QUESTION)]] * 2, features.counts, [2, 1])
    bare = network(input_ids=other["input_ids"], attention_mask=other["attention_mask"], features=features).hidden[:, -1]
    assert (bare - again[:, 0]).abs().amax(1)[0] > 1e-3, "the history matters"
    torch.testing.assert_close(bare[1], again[1, 0], atol=1e-5, rtol=1e-5)


def test_each_image_has_its_own(random_umind: UMindVL, images, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    pack = random_umind.processor.pack
    monkeypatch.setattr(
        random_umind.processor,
        "pack",
        lambda blocks, *rest: asked.extend(block.history for (block,) in blocks) or pack(blocks, *rest),
    )
    several = [images[0], images[1], Study(images)]
    histories = [HISTORY, (), [[" Where? ", "There.\n"]]]
    together = random_umind.ask(several, QUESTION, history=histories)
    assert asked == [HISTORY, (), (("Where?", "There."),)]
    for item, history, result in zip(several, histories, together, strict=True):
        assert random_umind.ask(item, QUESTION, history=history).text == result.text
    random_umind.ask(several, QUESTION)
    assert asked[-3:] == [(), (), ()]


@pytest.mark.parametrize("history", [["Where?", "There."], [("Where?",)], [("Where?", None)], [("a", "b", "c")]])
def test_what_is_no_turn_is_refused(random_umind: UMindVL, images, history) -> None:
    with pytest.raises(ValueError, match="a question and its answer"):
        random_umind.ask(images[0], QUESTION, history=history)
    with pytest.raises(ValueError, match="a question and its answer"):
        random_umind.ask(images[:2], QUESTION, history=[(), history])


def test_so_many_histories_as_images(random_umind: UMindVL, images) -> None:
    with pytest.raises(ValueError, match="3 images and 2 histories"):
        random_umind.ask(images, QUESTION, history=HISTORY)
    with pytest.raises(ValueError, match="a question and its answer"):
        random_umind.ask(images[:2], QUESTION, history=HISTORY)
