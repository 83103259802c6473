"""What the embedded model can do, on phantoms; and that it does it through its language model."""

import numpy as np
import pytest

from umind.checkpoint import EMBEDDED
from umind.data.phantom import phantom_sample
from umind.evaluation.ablation import shuffle_language
from umind.metrics.overlap import dice

SEEDS = range(5_000_000, 5_000_016)


@pytest.fixture(scope="module")
def lesions():
    """Phantoms with cysts, and their union masks."""
    samples = (phantom_sample(seed, scene="lesions") for seed in SEEDS)
    return [(s.image, s.structure("cyst").masks.any(0)) for s in samples if s.structure("cyst")]


@pytest.fixture(scope="module")
def shuffled(umind_tiny):
    """Several: by chance one alone may draw nothing, or all that stands out, whatever it is asked for."""
    return [shuffle_language(umind_tiny, seed=seed) for seed in range(4)]


def mean_dice(model, lesions, phrase: str) -> float:
    results = model.segment([image for image, _ in lesions], phrase)
    return float(np.mean([dice(result.mask, truth) for result, (_, truth) in zip(results, lesions, strict=True)]))


def worth_of_the_phrase(model, lesions) -> float:
    """By how much "cyst" outlines cysts better than phrases that name something else."""
    others = [mean_dice(model, lesions, phrase) for phrase in ("solid lesion", "fetal head", "carotid artery")]
    return mean_dice(model, lesions, "cyst") - float(np.mean(others))


def share_right(model, lesions) -> float:
    images = [image for image, _ in lesions]
    yes = [a.text.lower().startswith("yes") for a in model.ask(images, "Is there a cyst?")]
    no = [a.text.lower().startswith("no") for a in model.ask(images, "Is there a fetal head?")]
    return float(np.mean(yes + no))


def test_it_outlines_cysts_whatever_they_are_called(umind_tiny, lesions):
    assert mean_dice(umind_tiny, lesions, "cyst") > 0.8
    assert mean_dice(umind_tiny, lesions, "the fluid-filled lesions") > 0.8


def test_it_answers_yes_and_no(umind_tiny, lesions):
    assert share_right(umind_tiny, lesions) > 0.8


def test_without_its_language_model_masks_and_answers_fall_to_chance(umind_tiny, shuffled, lesions):
    assert worth_of_the_phrase(umind_tiny, lesions) > 0.8
    assert np.mean([worth_of_the_phrase(model, lesions) for model in shuffled]) < 0.1
    assert np.mean([share_right(model, lesions) for model in shuffled]) <= 0.6


def test_it_says_what_is_not_there(umind_tiny, lesions):
    results = umind_tiny.segment([image for image, _ in lesions], "fetal head")
    assert np.mean([len(result) == 0 for result in results]) > 0.9


def test_it_measures_a_head_in_millimetres(umind_tiny):
    samples = [phantom_sample(seed, scene="head") for seed in SEEDS][:6]
    results = umind_tiny.measure([s.image for s in samples], "head circumference")
    errors = [
        abs(result.value - sample.measurements["head circumference"]) / sample.measurements["head circumference"]
        for result, sample in zip(results, samples, strict=True)
    ]
    assert {result.unit for result in results} == {"mm"}
    assert np.mean(errors) < 0.03


def test_it_fits_into_the_package():
    assert (EMBEDDED / "model.safetensors").stat().st_size < 20e6
    assert not [path for path in EMBEDDED.iterdir() if path.suffix not in (".json", ".safetensors", ".md", ".jinja")]


def test_a_language_model_in_half_precision_finds_the_same(umind_tiny, lesions):
    half = type(umind_tiny).from_pretrained(dtype="bfloat16")
    image, truth = lesions[0]
    ours, theirs = (model.analyze(image, ["cyst"], points=["cyst"], text=True) for model in (half, umind_tiny))
    assert ours.segmentations["cyst"].presence == pytest.approx(theirs.segmentations["cyst"].presence, abs=0.05)
    assert dice(ours.segmentations["cyst"].mask, truth) > 0.8
    assert ours.report.text
