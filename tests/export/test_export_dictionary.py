from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass

import numpy as np
import pytest

from umind.export import from_dict, to_dict
from umind.geometry.frame import FrameMap
from umind.schema.result import Analysis, Answer, Detection, Measurement, Segmentation
from umind.schema.serial import ResultData

NAMES = ("Segmentation", "Detection", "Keypoints", "Measurement", "Classification", "Answer", "Report", "Analysis")


def assert_same(first, second):
    """Equality field by field; masks stand for the logits that they are read from."""
    assert type(first) is type(second)
    if isinstance(first, Segmentation):
        np.testing.assert_array_equal(first.masks, second.masks)
        np.testing.assert_allclose(first.logits, second.logits, rtol=1e-3)
    if is_dataclass(first):
        for entry in fields(first):
            if entry.name != "logits":
                assert_same(getattr(first, entry.name), getattr(second, entry.name))
    elif isinstance(first, np.ndarray):
        assert first.dtype == second.dtype
        np.testing.assert_array_equal(first, second)
    elif isinstance(first, tuple):
        assert len(first) == len(second)
        for one, other in zip(first, second, strict=True):
            assert_same(one, other)
    else:
        assert first == second


def assert_same_maps(first, second):
    for entry in fields(first):
        one, other = getattr(first, entry.name), getattr(second, entry.name)
        if isinstance(one, Mapping):
            assert list(one) == list(other)
            for phrase in one:
                assert_same(one[phrase], other[phrase])
        else:
            assert_same(one, other)


def through_json(result):
    return json.loads(json.dumps(to_dict(result), allow_nan=False))


@pytest.mark.parametrize("name", NAMES)
def test_round_trip(results, name):
    data = through_json(results[name])
    assert (data["version"], data["type"]) == (1, name)
    (assert_same_maps if name == "Analysis" else assert_same)(results[name], from_dict(data))
    assert isinstance(type(results[name]).from_dict(data), type(results[name]))


def test_every_result_class_is_covered(results):
    assert set(results) == {kind.__name__ for kind in ResultData.__subclasses__()} - {"Code", "ValidRange"}


def test_round_trip_of_nothing_found(absent):
    back = from_dict(through_json(absent))
    assert_same_maps(absent, back)
    assert back.segmentations["cyst"].masks.shape == (0, 60, 90)
    assert back.keypoints["femur"].covariances.shape == (0, 2, 2)


@pytest.mark.parametrize("seed", range(5))
def test_masks_restore_bit_by_bit(seed):
    rng = np.random.default_rng(seed)
    logits = (rng.normal(0, 10.0 ** rng.integers(-9, 6), (2, 24, 24))).astype(np.float32)
    logits[1] = np.abs(logits[1]) * np.float32(1e-12)  # far below what float16 can hold
    logits[0, :12] = 70_000  # and above
    frame = FrameMap.letterbox(int(rng.integers(20, 300)), int(rng.integers(20, 300)), 96)
    result = Segmentation(logits, frame=frame, scores=np.ones(2, np.float32), presence=1.0, phrase="noise")
    np.testing.assert_array_equal(from_dict(through_json(result)).masks, result.masks)


def test_smooth_logits_are_small():
    ys, xs = np.mgrid[:128, :128]
    logits = (30 - np.hypot(xs - 60, ys - 64))[None].astype(np.float32)
    result = Segmentation(
        logits, frame=FrameMap.letterbox(500, 700, 512), scores=np.ones(1, np.float32), presence=1.0, phrase="disc"
    )
    assert len(json.dumps(result.to_dict())) < logits.nbytes * 0.6


def test_phrases_may_be_any_word(segmentation):
    found = {"type": segmentation, "version": segmentation, "logits": segmentation, "甲状腺": segmentation}
    analysis = Analysis(found, detections={}, keypoints={}, measurements={}, classifications={})
    assert_same_maps(analysis, from_dict(through_json(analysis)))


def test_numbers_that_json_lacks(results):
    template = to_dict(results["Measurement"])
    back = Measurement.from_dict(template | {"value": "NaN", "spread": "Infinity"})
    assert np.isnan(back.value)
    assert back.spread == float("inf")
    assert through_json(back)["value"] == "NaN"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 99}, "version 1, got 99"),
        ({"type": "Path"}, "unknown result type 'Path'"),
        ({"type": None}, "unknown result type"),
        ({"extra": 1}, r"unknown fields \['extra'\]"),
        ({"scores": [["a"]]}, "could not convert"),
        ({"boxes": [[1, 2, 3]]}, "reshape"),
        ({"presence": []}, "malformed"),
    ],
)
def test_malformed_dictionaries_are_refused(results, change, message):
    with pytest.raises(ValueError, match=message):
        from_dict(to_dict(results["Detection"]) | change)


@pytest.mark.parametrize(
    "logits", [None, {}, {"shape": [1, 2, 2], "float32_planes": "!"}, {"shape": [1, 9, 9], "float32_planes": "eJwDAAAAAAE="}]
)
def test_malformed_logits_are_refused(results, logits):
    with pytest.raises(ValueError, match="malformed"):
        from_dict(to_dict(results["Segmentation"]) | {"logits": logits})


def test_another_class_is_refused(results):
    with pytest.raises(ValueError, match="wanted a Detection, got a Answer"):
        Detection.from_dict(results["Answer"].to_dict())
    assert isinstance(Answer.from_dict(results["Answer"].to_dict()), Answer)
    with pytest.raises(ValueError, match="version"):
        from_dict([])
