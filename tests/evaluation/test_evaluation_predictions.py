"""Predict, then score: a file stands for the model that wrote it."""

import json
from pathlib import Path

import numpy as np
import pytest

from umind import UMindVL
from umind.data.phantom import phantom_sample
from umind.evaluation.card import to_card
from umind.evaluation.phantoms import evaluate_phantoms
from umind.evaluation.predictions import MissingPredictionError, Predictions
from umind.evaluation.segmentation import evaluate_segmentation
from umind.evaluation.suites import run_suites
from umind.schema.image import UltrasoundImage
from umind.schema.sample import Sample

PHRASES = ("cyst", "solid lesion", "fetal head")


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    return [phantom_sample(5_200_000 + seed) for seed in range(6)]


def read_lines(path: Path) -> dict[str, dict]:
    """Results of a file by their questions, in order."""
    lines = (line.partition("\t") for line in path.read_text("utf-8").splitlines())
    return {key: json.loads(result) for key, _, result in lines}


class Counting:
    """A model that counts how often its verbs are called."""

    def __init__(self, model: UMindVL) -> None:
        self.model = model
        self.calls: list[str] = []

    def __getattr__(self, name: str):
        verb = getattr(self.model, name)

        def call(*args, **kwargs):
            self.calls.append(name)
            return verb(*args, **kwargs)

        return call


def test_a_file_scores_as_its_model_does(random_umind: UMindVL, samples: list[Sample], tmp_path: Path) -> None:
    path = tmp_path / "deep" / "predictions.tsv"
    suites = ("segmentation", "presence")
    direct = to_card(evaluate_phantoms(random_umind, samples)), run_suites(random_umind, samples, suites)
    for model in (random_umind, None):
        file = Predictions(path, model)
        assert (to_card(evaluate_phantoms(file, samples)), run_suites(file, samples, suites)) == direct


def test_an_interrupted_run_goes_on(random_umind: UMindVL, samples: list[Sample], tmp_path: Path) -> None:
    path = tmp_path / "predictions.tsv"
    evaluate_segmentation(Predictions(path, random_umind), samples[:3], phrases=PHRASES)
    whole = read_lines(path)
    path.write_bytes(path.read_bytes()[:-40])
    counting = Counting(random_umind)
    evaluate_segmentation(Predictions(path, counting), samples[:3], phrases=PHRASES)
    assert counting.calls == ["encode", "segment"]
    again = read_lines(path)
    assert list(again) == list(whole)
    for key, result in whole.items():  # another batch may round another way
        assert again[key]["presence"] == pytest.approx(result["presence"], rel=1e-4)
        assert again[key]["scores"] == pytest.approx(result["scores"], rel=1e-4)
    counting.calls.clear()
    evaluate_segmentation(Predictions(path, counting), samples[:3], phrases=PHRASES)
    assert counting.calls == []


def test_what_is_not_in_the_file_is_named(random_umind: UMindVL, samples: list[Sample], tmp_path: Path) -> None:
    path = tmp_path / "predictions.tsv"
    evaluate_segmentation(Predictions(path, random_umind), samples[:3], phrases=PHRASES)
    with pytest.raises(MissingPredictionError, match=r"predictions\.tsv holds no answer to .*segment"):
        evaluate_segmentation(Predictions(path), samples, phrases=PHRASES)
    with pytest.raises(MissingPredictionError, match=r'"threshold": 0\.3'):
        evaluate_segmentation(Predictions(path), samples[:3], phrases=PHRASES, threshold=0.3)


def test_another_image_of_the_same_name_is_another_question(random_umind: UMindVL, tmp_path: Path) -> None:
    file = Predictions(tmp_path / "predictions.tsv", random_umind)
    pixels = np.full((80, 80), 90, np.uint8)
    images = [
        UltrasoundImage(pixels, name="a"),
        UltrasoundImage(pixels + 1, name="a"),
        UltrasoundImage(pixels, spacing=0.1, name="a"),
        UltrasoundImage(pixels.reshape(160, 40), name="a"),
    ]
    file.measure(file.encode(images), ["area of the cyst"] * 4, threshold=0)
    assert len(file) == 4


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "predictions.tsv"
    path.write_text(json.dumps(["segment", "a", "cyst", {}]) + "\tno result\n", "utf-8")
    with pytest.raises(ValueError, match="line 1: no prediction"):
        Predictions(path)
