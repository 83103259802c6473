"""Several images as one question, on a small random model; `test_qwen_study` has the Qwen-VLs."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from umind import Clip, Study, UltrasoundImage, UMindVL, one_pass
from umind.backbone.pixels import PixelFeatures
from umind.predictor import BATCH_SIZE, batches
from umind.schema.result import Answer, Report
from umind.tokens.template import Block
from umind.tokens.vocabulary import OWN_IDS

SIZES = [(40, 60), (64, 64), (90, 50), (33, 128)]
WANT_ONE_IMAGE = [
    ("segment", ("cyst",)),
    ("detect", ("cyst",)),
    ("keypoints", ("cyst",)),
    ("measure", ("longest diameter of the cyst",)),
    ("classify", ("cyst", ["benign", "malignant"])),
    ("analyze", (["cyst"],)),
]


@pytest.fixture(scope="module")
def images() -> list[UltrasoundImage]:
    rng = np.random.default_rng(0)
    return [UltrasoundImage(rng.integers(0, 256, size, np.uint8), name=f"{size}") for size in SIZES]


@pytest.fixture(autouse=True)
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_pass, "MAX_NEW_TOKENS", 12)


def test_one_image_is_that_image(random_umind: UMindVL, images, monkeypatch: pytest.MonkeyPatch) -> None:
    """Evidence and all; here every answer is made to point."""
    monkeypatch.setattr(random_umind.model, "generate", speaking([10, OWN_IDS.of("[SEG]")[0], 11, OWN_IDS.end], random_umind))
    alone, study = (random_umind.ask(what, "Is there a cyst?", threshold=0) for what in (images[0], Study((images[0],))))
    assert alone.text == study.text
    assert alone.presence == study.presence
    assert len(alone.evidence) == len(study.evidence) == 1
    np.testing.assert_array_equal(alone.evidence[0].logits, study.evidence[0].logits)


@torch.no_grad()
def test_the_tokens_of_all_images_stand_in_front(random_umind: UMindVL, images) -> None:
    """As those of one image twice as long would."""
    model, processor = random_umind.model, random_umind.processor
    features = PixelFeatures.cat([item.features for item in random_umind.encode(images[:2])])
    question = [[Block("describe the lesion")]]
    packed = processor.pack(question, features.counts, [2])
    assert packed["input_ids"].tolist() == processor.pack(question, [sum(features.counts)])["input_ids"].tolist()
    long = PixelFeatures(features.mask[:1], features.context[:1], features.tokens.flatten(0, 1)[None])
    both, one = (model(packed["input_ids"], packed["attention_mask"], features=seen).logits for seen in (features, long))
    torch.testing.assert_close(both, one)
    other = PixelFeatures.cat([item.features for item in random_umind.encode([images[0], images[2]])])
    assert (model(packed["input_ids"], packed["attention_mask"], features=other).logits - both)[0, -1].abs().max() > 1e-3


@pytest.mark.parametrize("verb", ["ask", "report"])
def test_a_list_of_studies_and_images_equals_one_by_one(random_umind: UMindVL, images, verb: str) -> None:
    several = [
        images[0],
        Study(images[:3]),
        Study(images[1:2]),
        Study(images[2:]),
        images[3],
        random_umind.encode(Study(images)),
    ]
    words = (["is it benign?", "describe the lesion", "what is it?"] * 2,) if verb == "ask" else ()
    together = getattr(random_umind, verb)(several, *words)
    assert len(together) == len(several)
    for place, (item, result) in enumerate(zip(several, together, strict=True)):
        alone = getattr(random_umind, verb)(item, *(texts[place] for texts in words))
        assert isinstance(alone, Answer if verb == "ask" else Report)
        assert alone.text == result.text
        assert alone.presence == pytest.approx(result.presence, abs=1e-5)


def test_what_is_encoded_answers_alike(random_umind: UMindVL, images) -> None:
    seen = random_umind.encode(Study(images[:2]))
    assert isinstance(seen, Study)
    assert [item.image for item in seen] == images[:2]
    half = Study((seen.images[0], images[1]))
    fresh, encoded, mixed = (random_umind.report(item).text for item in (Study(images[:2]), seen, half))
    assert fresh == encoded == mixed


def test_task_tokens_leave_no_trace_in_the_answer(random_umind: UMindVL, images, monkeypatch: pytest.MonkeyPatch) -> None:
    """They could not say which image they mean."""
    plain = [20, 21, 22, OWN_IDS.end]
    pointed = [20, OWN_IDS.of("[SEG]")[0], 21, *OWN_IDS.of("[DET]", "[KPT]", "[MEAS]"), 22, OWN_IDS.end]
    answers = []
    for said in (plain, pointed):
        monkeypatch.setattr(random_umind.model, "generate", speaking(said, random_umind))
        answers.append([random_umind.ask([Study(images)] * 2, "is it benign?")[1], random_umind.report(Study(images))])
    for (answer, report), (other, another) in [answers]:
        assert answer.text == other.text != ""
        assert report.text == another.text
        assert answer.evidence == other.evidence == report.evidence == another.measurements == ()


def speaking(said: list[int], umind: UMindVL):
    """What ``generate`` would be if the model said this and nothing else."""

    def generate(input_ids, recorder, **_):
        words = torch.tensor(said).expand(len(input_ids), -1)
        recorder(words, torch.ones(*words.shape, umind.model.config.get_text_config().hidden_size))
        return SimpleNamespace(sequences=torch.cat([input_ids, words], 1), past_key_values=None)

    return generate


@pytest.mark.parametrize(("verb", "arguments"), WANT_ONE_IMAGE)
def test_a_verb_for_one_image_says_to_ask_each(random_umind: UMindVL, images, verb: str, arguments) -> None:
    for study in (Study(images[:2]), Study(images[:1])):
        with pytest.raises(ValueError, match="ask about each image"):
            getattr(random_umind, verb)(study, *arguments)
    good, bad = getattr(random_umind, verb)([images[0], Study(images[:2])], *arguments, errors="return")
    assert not isinstance(good, Exception)
    assert isinstance(bad, ValueError)
    with pytest.raises(ValueError, match="ask about each image"):
        getattr(random_umind, verb)([images[0], Study(images[:2])], *arguments)


def test_a_bad_image_is_the_study_s_error(random_umind: UMindVL, images) -> None:
    clip = Clip(lambda _: images[0], num_frames=2)
    bad = [Study((images[0], "missing.png")), Study((images[0], clip)), Study((images[0], 3))]
    for study, message in zip(bad, ("no such file", "a clip where one image", "int is no image"), strict=True):
        with pytest.raises(ValueError, match=message):
            random_umind.report(study)
    *errors, report = random_umind.report([*bad, Study(images[:2])], errors="return")
    assert all(isinstance(error, ValueError) for error in errors)
    assert isinstance(report, Report)


def test_batches_hold_so_many_images_and_one_kind() -> None:
    sizes = [1] * (BATCH_SIZE + 1) + [2, 3, 4, 1, BATCH_SIZE + 3, 2]
    together = list(batches(sizes))
    assert sorted(place for batch in together for place in batch) == list(range(len(sizes)))
    assert [[sizes[place] for place in batch] for batch in together] == [
        [1] * BATCH_SIZE,
        [1, 1],
        [2, 3],
        [4],
        [BATCH_SIZE + 3],
        [2],
    ]
