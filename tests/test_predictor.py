import math

import numpy as np
import pytest
import torch
from PIL import Image

from umind import Clip, ImageReadError, UltrasoundImage, UMindVL
from umind.data.phantom import phantom_sample
from umind.schema.result import Analysis, Classification, Detection, Keypoints, Measurement, Segmentation
from umind.tasks.readout import Calibration

VERBS = [
    ("segment", ("cyst",)),
    ("detect", ("cyst",)),
    ("keypoints", ("cyst",)),
    ("measure", ("longest diameter of the cyst",)),
    ("classify", ("cyst", ["benign", "malignant"])),
    ("ask", ("Is there a cyst?",)),
    ("report", ()),
]


@pytest.fixture(scope="module")
def images() -> list[UltrasoundImage]:
    rng = np.random.default_rng(0)
    sizes = [(40, 60), (64, 64), (90, 50), (33, 128), (70, 71), (128, 128), (1, 1), (64, 30)]
    return [UltrasoundImage(rng.integers(0, 256, size, np.uint8), name=f"{size}") for size in sizes]


@pytest.mark.parametrize(("verb", "arguments"), VERBS)
def test_batch_equals_one_by_one(random_umind, images, verb, arguments):
    ask = getattr(random_umind, verb)
    together = ask(images, *arguments, threshold=0)
    for image, result in zip(images, together, strict=True):
        alone = ask(image, *arguments, threshold=0)
        assert type(alone) is type(result)
        assert alone.presence == pytest.approx(result.presence, abs=1e-5)
        if isinstance(alone, Segmentation):
            both, either = (alone.masks & result.masks).sum(), (alone.masks | result.masks).sum()
            assert len(alone) == len(result)
            assert both >= 0.999 * either
        if isinstance(alone, Detection):
            np.testing.assert_allclose(alone.boxes, result.boxes, atol=1e-2)
        if isinstance(alone, Keypoints):
            np.testing.assert_allclose(alone.points, result.points, atol=1e-2)
        if isinstance(alone, Classification):
            np.testing.assert_allclose(alone.probabilities, result.probabilities, atol=1e-4)
        if hasattr(alone, "text"):
            assert alone.text == result.text


def count_calls(monkeypatch, module: torch.nn.Module) -> list[int]:
    calls: list[int] = []
    forward = module.forward
    monkeypatch.setattr(module, "forward", lambda *args, **kwargs: (calls.append(1), forward(*args, **kwargs))[1])
    return calls


def test_analyze_encodes_once_and_prefills_once(random_umind, images, monkeypatch):
    pixels = count_calls(monkeypatch, random_umind.model.pixels)
    language = count_calls(monkeypatch, random_umind.model.language)
    phrases = [f"target number {k}" for k in range(8)]
    analysis = random_umind.analyze(
        images[0], phrases, measure=["area of the cyst"], classes={"cyst": ["a", "b"]}, points=["cyst"]
    )
    assert list(analysis.segmentations) == phrases
    assert len(pixels) == 1
    assert len(language) == 1


def test_text_goes_on_from_the_same_cache(random_umind, images, monkeypatch):
    pixels = count_calls(monkeypatch, random_umind.model.pixels)
    lengths: list[int] = []
    forward = random_umind.model.language.forward

    def watch(*args, **kwargs):
        lengths.append(kwargs["inputs_embeds"].shape[1])
        return forward(*args, **kwargs)

    monkeypatch.setattr(random_umind.model.language, "forward", watch)
    random_umind.analyze(images[0], ["cyst"], text=True)
    assert len(pixels) == 1
    assert lengths[0] > 1
    assert set(lengths[1:]) == {1}, "every step after the prefill takes one token"


def test_an_encoded_image_is_not_encoded_again(random_umind, images, monkeypatch):
    seen = random_umind.encode(images[0])
    pixels = count_calls(monkeypatch, random_umind.model.pixels)
    first = random_umind.segment(seen, "cyst", threshold=0)
    assert not pixels
    again = random_umind.segment(images[0], "cyst", threshold=0)
    np.testing.assert_array_equal(first.masks, again.masks)


def test_answers_do_not_depend_on_other_questions(random_umind, images):
    alone = random_umind.segment(images[1], "cyst", threshold=0)
    among = random_umind.analyze(images[1], ["nerve", "cyst", "vessel"], text=True, threshold=0).segmentations["cyst"]
    assert among.presence == pytest.approx(alone.presence, abs=1e-5)
    np.testing.assert_allclose(among.logits, alone.logits, atol=1e-3)


def test_report_of_analyze_equals_report_alone(random_umind, images):
    alone = random_umind.report(images[1])
    among = random_umind.analyze(images[1], ["nerve", "cyst"], text=True).report
    assert among.text == alone.text


def test_every_kind_of_image(random_umind, tmp_path):
    grey = np.random.default_rng(1).integers(0, 256, (50, 60), np.uint8)
    Image.fromarray(grey).save(tmp_path / "scan.png")
    rgb = np.repeat(grey[..., None], 3, 2)
    kinds = [
        tmp_path / "scan.png",
        str(tmp_path / "scan.png"),
        Image.fromarray(grey),
        grey,
        rgb,
        (grey / 255).astype(np.float32),
        torch.from_numpy(grey),
        torch.from_numpy(rgb).permute(2, 0, 1),
        UltrasoundImage(grey),
        random_umind.encode(grey),
    ]
    expected = random_umind.segment(grey, "cyst", threshold=0)
    for kind in kinds:
        result = random_umind.segment(kind, "cyst", threshold=0)
        assert result.masks.shape[1:] == (50, 60)
        assert result.presence == pytest.approx(expected.presence, abs=2e-3)


def test_clips_give_frames_lazily(random_umind, images):
    decoded: list[int] = []

    def frame(index: int) -> UltrasoundImage:
        decoded.append(index)
        return images[index]

    results = random_umind.segment(Clip(frame, num_frames=3), "cyst")
    assert not decoded
    assert isinstance(next(iter(results)), Segmentation)
    assert decoded == [0]
    with pytest.raises(ValueError, match="clip"):
        random_umind.measure(Clip(frame, num_frames=3), "area")


def test_phrases_pair_with_images(random_umind, images):
    results = random_umind.segment(images[:2], ["cyst", "nerve"])
    assert [r.phrase for r in results] == ["cyst", "nerve"]
    with pytest.raises(ValueError, match="2 images and 3 phrases"):
        random_umind.segment(images[:2], ["a", "b", "c"])


def test_a_bad_item_becomes_its_error(random_umind, images, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    results = random_umind.segment([images[0], broken, images[1]], "cyst", errors="return")
    assert isinstance(results[1], ImageReadError)
    assert "broken.png" in str(results[1])
    assert isinstance(results[0], Segmentation)
    assert isinstance(results[2], Segmentation)
    with pytest.raises(ImageReadError, match=r"broken\.png"):
        random_umind.segment([images[0], broken], "cyst")


def test_a_sliver_is_an_image_where_no_vision_tower_refuses_it(random_umind):
    assert random_umind.segment(np.zeros((1, 300), np.uint8), "cyst").masks.shape[1:] == (1, 300)


@pytest.mark.parametrize("phrase", ["", "   ", "\n"])
def test_an_empty_phrase_is_refused(random_umind, images, phrase):
    with pytest.raises(ValueError, match="phrase"):
        random_umind.segment(images[0], phrase)
    with pytest.raises(ValueError, match="phrase"):
        random_umind.analyze(images[0], [phrase])


def test_a_very_long_phrase_is_cut_with_a_warning(random_umind, images):
    with pytest.warns(UserWarning, match="cut"):
        result = random_umind.segment(images[0], "lesion " * 10_000)
    assert isinstance(result, Segmentation)


def test_words_that_the_model_does_not_know_do_not_raise(random_umind, images):
    for phrase in ("ščetka", "病灶", "[SEG] [KPT]", "🫀"):
        assert isinstance(random_umind.segment(images[0], phrase), Segmentation)


def test_bad_options_and_modes(random_umind, images):
    with pytest.raises(ValueError, match="two different"):
        random_umind.classify(images[0], "cyst", ["benign"])
    with pytest.raises(ValueError, match="errors"):
        random_umind.segment(images[0], "cyst", errors="ignore")
    with pytest.raises(ValueError, match="something to find"):
        random_umind.analyze(images[0])


def test_below_the_threshold_there_is_no_finding(random_umind, images):
    image = images[0]
    height, width = image.pixels.shape
    segmentation = random_umind.segment(image, "cyst", threshold=1.1)
    assert segmentation.masks.shape == (0, height, width)
    assert segmentation.mask.shape == (height, width)
    assert random_umind.detect(image, "cyst", threshold=1.1).boxes.shape == (0, 4)
    assert random_umind.keypoints(image, "cyst", threshold=1.1).points.shape == (0, 2)
    measurement = random_umind.measure(image, "area of the cyst", threshold=1.1)
    assert (measurement.value, measurement.spread, measurement.evidence) == (None, None, ())
    assert random_umind.classify(image, "cyst", ["a", "b"], threshold=1.1).label is None


def test_what_is_not_drawn_would_not_have_been_reported(random_umind, images, monkeypatch):
    phrases = ["cyst", "solid lesion", "head", "nerve", "vessel", "gallstone"]
    presences = [random_umind.segment(images[0], phrase, threshold=0).presence for phrase in phrases]
    threshold = float(np.median(presences))

    def analysis():
        return random_umind.analyze(images[0], phrases, points=["head"], threshold=threshold)

    some = analysis()
    monkeypatch.setattr(Calibration, "least_logit", lambda self, threshold: -math.inf)
    every = analysis()
    assert 0 < sum(len(found) > 0 for found in every.segmentations.values()) < len(phrases)
    for phrase in phrases:
        np.testing.assert_array_equal(some.segmentations[phrase].masks, every.segmentations[phrase].masks)
        np.testing.assert_allclose(some.detections[phrase].boxes, every.detections[phrase].boxes, atol=1e-3)
    np.testing.assert_allclose(some.keypoints["head"].points, every.keypoints["head"].points, atol=1e-3)


def test_units_follow_the_spacing(random_umind, images):
    pixels = images[1].pixels
    plain = random_umind.measure(UltrasoundImage(pixels), "longest diameter of the cyst", threshold=0)
    spaced = random_umind.measure(UltrasoundImage(pixels, spacing=0.5), "longest diameter of the cyst", threshold=0)
    assert (plain.unit, spaced.unit, spaced.calibration) == ("px", "mm", "user")
    assert isinstance(plain, Measurement)
    if plain.value is not None:
        assert spaced.value == pytest.approx(plain.value / 2)


def test_save_load_predict_is_bit_equal(random_umind, images, tmp_path):
    random_umind.save_pretrained(tmp_path)
    again = UMindVL.from_pretrained(tmp_path)
    before = random_umind.analyze(images[0], ["cyst"], classes={"cyst": ["a", "b"]}, threshold=0)
    after = again.analyze(images[0], ["cyst"], classes={"cyst": ["a", "b"]}, threshold=0)
    np.testing.assert_array_equal(before.segmentations["cyst"].logits, after.segmentations["cyst"].logits)
    np.testing.assert_array_equal(before.classifications["cyst"].probabilities, after.classifications["cyst"].probabilities)
    assert before.segmentations["cyst"].presence == after.segmentations["cyst"].presence


def test_analysis_names_its_image(random_umind):
    sample = phantom_sample(1, size=64)
    analysis = random_umind.analyze(sample.image, ["cyst"])
    assert isinstance(analysis, Analysis)
    assert analysis.name == "phantom-1"
