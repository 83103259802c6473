"""The public contract: names, fields and defaults that may change only on purpose."""

import inspect
from dataclasses import fields

import pytest

import umind
from umind import UMindVL
from umind.schema import result

FIELDS = {
    "Segmentation": {"logits", "frame", "scores", "presence", "phrase"},
    "Detection": {"boxes", "scores", "presence", "phrase"},
    "Keypoints": {"points", "names", "scores", "covariances", "presence", "phrase"},
    "Measurement": {"value", "unit", "spread", "evidence", "method", "calibration", "code", "presence", "phrase", "ranges"},
    "Classification": {"labels", "probabilities", "presence", "label", "phrase"},
    "Answer": {"text", "evidence", "presence"},
    "Report": {"text", "findings", "measurements", "evidence", "presence"},
    "Analysis": {"segmentations", "detections", "keypoints", "measurements", "classifications", "report", "refused", "name"},
}
VERBS = {
    "segment": ["image", "phrase", "threshold", "errors"],
    "detect": ["image", "phrase", "threshold", "errors"],
    "keypoints": ["image", "phrase", "threshold", "errors"],
    "measure": ["image", "phrase", "threshold", "errors", "masks", "points", "values"],
    "classify": ["image", "phrase", "options", "threshold", "errors"],
    "ask": ["image", "question", "history", "threshold", "errors"],
    "report": ["image", "threshold", "errors"],
    "analyze": ["image", "find", "measure", "classes", "points", "text", "threshold", "errors"],
}


def test_names():
    assert set(umind.__all__) == {
        "CheckpointError",
        "Clip",
        "ImageReadError",
        "Study",
        "UMindVL",
        "UltrasoundImage",
        "UncalibratedError",
        "draw",
        "read",
        "to_coco",
        "to_csv",
        "to_dict",
        "to_html",
    }
    assert all(hasattr(umind, name) for name in umind.__all__)


@pytest.mark.parametrize(("name", "expected"), FIELDS.items())
def test_result_fields(name, expected):
    kind = getattr(result, name)
    assert {entry.name for entry in fields(kind)} == expected
    assert kind.__dataclass_params__.frozen
    assert not kind.__dataclass_params__.eq
    assert callable(kind.to_dict)
    assert callable(kind.from_dict)


@pytest.mark.parametrize(("verb", "expected"), VERBS.items())
def test_verbs(verb, expected):
    parameters = inspect.signature(getattr(UMindVL, verb)).parameters
    assert list(parameters)[1:] == expected
    assert parameters["threshold"].default is None
    assert parameters["errors"].default == "raise"


def test_loading_defaults():
    parameters = inspect.signature(UMindVL.from_pretrained).parameters
    assert {name: p.default for name, p in parameters.items()} == {
        "source": None,
        "device": "cpu",
        "dtype": "float32",
        "adapter": None,
    }
