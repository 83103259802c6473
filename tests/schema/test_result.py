"""Results: units, and what an absent structure looks like."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umind.geometry.frame import FrameMap
from umind.schema.errors import UncalibratedError
from umind.schema.result import Measurement, Segmentation, Unit


@given(value=st.floats(0, 1e4), spread=st.floats(0, 10))
def test_lengths_and_areas(value: float, spread: float) -> None:
    length = measurement(value, "mm", spread)
    assert (length.to("cm").value, length.to("cm").spread) == pytest.approx((value / 10, spread / 10))
    assert length.to("m").value == pytest.approx(value / 1000)
    assert length.to("cm").to("mm").value == pytest.approx(value)
    area = measurement(value, "cm2", spread)
    assert (area.to("mm2").value, area.to("mm2").unit) == (pytest.approx(value * 100), "mm2")


def test_all_else_is_kept() -> None:
    before = measurement(82.4, "mm")
    after = before.to("cm")
    for field in dataclasses.fields(before):
        if field.name not in ("value", "spread", "unit"):
            assert getattr(after, field.name) is getattr(before, field.name)
    assert before.to("mm") is before


@pytest.mark.parametrize(("unit", "target"), [("px", "mm"), ("px2", "cm2"), ("px", "mm2")])
def test_pixels_never_become_millimetres(unit: Unit, target: Unit) -> None:
    with pytest.raises(UncalibratedError, match="no spacing"):
        measurement(10.0, unit).to(target)


@pytest.mark.parametrize(
    ("unit", "target"), [("mm", "mm2"), ("cm2", "cm"), ("deg", "mm"), ("mm", "px"), ("ml", "cm"), ("mm", "%")]
)
def test_another_kind_is_refused(unit: Unit, target: Unit) -> None:
    with pytest.raises(ValueError, match=f"cannot express {unit} in {target}"):
        measurement(10.0, unit).to(target)


def test_absent_stays_absent() -> None:
    absent = measurement(None, "mm", None)
    assert absent.to("cm").value is absent.to("cm").spread is None
    assert str(absent) == str(measurement(float("nan"), "mm")) == "absent"
    assert str(measurement(82.44, "mm")) == "82.4 mm"


def test_empty_segmentation() -> None:
    empty = segmentation(np.zeros((0, 16, 16), np.float32))
    assert len(empty) == 0
    assert empty.masks.shape == (0, 30, 40)
    assert empty.boxes.shape == (0, 4)
    assert empty.mask.shape == (30, 40)
    assert empty.mask.dtype == bool
    assert not empty.mask.any()


def test_union_and_boxes() -> None:
    logits = np.full((2, 40, 40), -1, np.float32)
    logits[0, 10:20, 5:15] = logits[1, 15:25, 10:30] = 1
    both = Segmentation(logits, frame=FrameMap.letterbox(40, 40, 40), scores=np.array([0.9, 0.8]), presence=0.9, phrase="cyst")
    assert len(both) == 2
    np.testing.assert_array_equal(both.mask, both.masks[0] | both.masks[1])
    assert both.boxes.tolist() == [[5, 10, 15, 20], [10, 15, 30, 25]]


def test_results_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        measurement(1.0, "mm").value = 2.0  # type: ignore[misc]
    with pytest.raises(TypeError):
        Segmentation(np.zeros((0, 4, 4)), FrameMap.letterbox(4, 4, 4))  # type: ignore[call-arg, misc]


def segmentation(logits: np.ndarray) -> Segmentation:
    scores = np.zeros(len(logits), np.float32)
    return Segmentation(logits, frame=FrameMap.letterbox(30, 40, 64), scores=scores, presence=0.1, phrase="cyst")


def measurement(value: float | None, unit: Unit, spread: float | None = 0.5) -> Measurement:
    return Measurement(
        value,
        unit=unit,
        spread=spread,
        evidence=(),
        method="caliper",
        calibration="user",
        presence=0.9,
        phrase="cyst",
        code=None,
    )
