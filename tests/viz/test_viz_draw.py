from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from umind.geometry.caliper import Caliper
from umind.geometry.ellipse import Ellipse
from umind.geometry.frame import FrameMap
from umind.schema.image import UltrasoundImage
from umind.schema.result import Analysis, Answer, Classification, Detection, Keypoints, Measurement, Report, Segmentation
from umind.viz import draw, overlay
from umind.viz.lettering import shorten, text_width, value_text, wrap


def grey(height=60, width=80, level=60):
    return UltrasoundImage(np.full((height, width), level, np.uint8), name="scan.png")


def square(height=60, width=80, phrase="lesion"):
    """A mask of source columns 20..39 and rows 16..35."""
    frame = FrameMap(1.0, 0.0, 0.0, height, width, max(height, width))
    logits = np.full((1, frame.size, frame.size), -5, np.float32)
    logits[0, 16:36, 20:40] = 5
    return Segmentation(logits, frame=frame, scores=np.ones(1, np.float32), presence=0.9, phrase=phrase)


def measured(value=12.3, unit="mm", evidence=(), **changes):
    made = Measurement(
        value,
        unit=unit,
        spread=0.4,
        evidence=evidence,
        method="m",
        calibration="user",
        code=None,
        presence=0.9,
        phrase="size",
    )
    return replace(made, **changes)


def coloured(picture):
    """Where the picture is not grey, (H, W)."""
    return np.ptp(np.asarray(picture).astype(int), axis=-1) > 40


def test_small_images_are_enlarged_and_get_a_strip():
    shown = draw(grey(), square())
    assert shown.mode == "RGB"
    assert shown.width == 640
    assert shown.height > 480
    assert overlay(grey(), square()).size == (640, 480)
    assert draw(grey(700, 1000), []).width == 1000
    assert overlay(grey(700, 1000), []).size == (1000, 700)


def test_outline_is_coloured_and_the_rest_is_not():
    marks = coloured(overlay(grey(), square()))
    scale = 8
    for y, x in ((16 * scale, 30 * scale), (36 * scale, 30 * scale), (25 * scale, 20 * scale), (25 * scale, 40 * scale)):
        assert marks[y - 3 : y + 4, x - 3 : x + 4].any()
    outside = np.ones_like(marks)
    outside[15 * scale : 37 * scale, 19 * scale : 41 * scale] = False
    assert not marks[outside].any()


def test_fill_is_light():
    centre = np.asarray(overlay(grey(), square()))[26 * 8, 30 * 8].astype(int)
    assert 0 < np.abs(centre - 60).max() < 60


def test_a_mask_that_fills_the_image_has_an_outline_on_its_edge():
    full = square()
    full = replace(full, logits=np.full_like(full.logits, 5))
    marks = coloured(overlay(grey(), full))
    assert marks[:2].mean() > 0.9
    assert marks[:, -3:].any(1).mean() > 0.9


def test_image_is_left_alone():
    image = grey()
    draw(image, square())
    assert (image.pixels == 60).all()


@pytest.mark.parametrize(
    ("item", "point"),
    [
        (Detection(np.array([[10, 10, 50, 40]], np.float32), scores=np.ones(1, np.float32), presence=1, phrase="a"), (10, 25)),
        (
            Keypoints(
                np.array([[30, 20]], np.float32),
                names=("apex",),
                scores=np.ones(1, np.float32),
                covariances=np.eye(2, dtype=np.float32)[None] * 9,
                presence=1,
                phrase="a",
            ),
            (36, 20),
        ),
        (measured(evidence=(Caliper((10.0, 10.0), (60.0, 30.0)),)), (60, 30)),
        (measured(evidence=(Ellipse(40.0, 30.0, 20.0, 10.0, 0.0),)), (40, 20)),
        (measured(evidence=(square(),)), (20, 25)),
        (Answer("Yes.", evidence=(square(),), presence=1), (20, 25)),
    ],
    ids=["box", "covariance", "caliper", "ellipse", "mask of a number", "answer"],
)
def test_each_kind_leaves_its_mark(item, point):
    x, y = (value * 8 for value in point)
    assert coloured(overlay(grey(), item))[y - 4 : y + 5, x - 4 : x + 5].any()


def test_analysis_is_drawn_whole_and_the_same_twice():
    report = Report("Long words. " * 60, findings=(), measurements=(), evidence=(square(),), presence=1)
    classes = Classification(
        ("benign", "malignant"), probabilities=np.array([0.7, 0.3], np.float32), presence=1, label="benign", phrase="lesion"
    )
    everything = Analysis(
        {"lesion": square()},
        detections={},
        keypoints={},
        measurements={"size": measured(evidence=(Caliper((1.0, 1.0), (9.0, 9.0)),))},
        classifications={"lesion": classes},
        report=report,
    )
    first, second = (np.asarray(draw(grey(), everything)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert len(first) > len(np.asarray(draw(grey(), replace(everything, report=None))))


def test_absent_draws_nothing_on_the_image():
    nothing = replace(square(), logits=np.zeros((0, 80, 80), np.float32), scores=np.zeros(0, np.float32))
    missing = measured(None, evidence=(Caliper((1.0, 1.0), (30.0, 30.0)),), spread=None)
    assert not coloured(overlay(grey(), [nothing, missing])).any()


def test_odd_geometry_does_not_break():
    wild = Keypoints(
        np.array([[np.nan, 3], [1e30, -1e30]], np.float32),
        names=("a", "b"),
        scores=np.ones(2, np.float32),
        covariances=np.full((2, 2, 2), np.inf, np.float32),
        presence=1,
        phrase="wild",
    )
    far = measured(evidence=(Caliper((-1e9, 5.0), (1e9, 5.0)), Caliper((3.0, 3.0), (3.0, 3.0))))
    for image in (grey(), grey(1, 1), grey(500, 2), grey(2, 900)):
        draw(image, [wild, far])


def test_masks_of_another_image_are_refused():
    with pytest.raises(ValueError, match="is of an image of"):
        draw(grey(50, 50), square())
    with pytest.raises(ValueError, match="is of an image of"):
        draw(grey(50, 50), measured(evidence=(square(),)))


def test_values_are_written_as_clinics_do():
    assert value_text(measured()) == "12.3 ± 0.4 mm"
    assert value_text(measured(3.456, "cm", spread=None)) == "3.46 cm"
    assert value_text(measured(90.04, "deg")) == "90.0 ± 0.4 °"
    assert value_text(measured(12.7, "px2", spread=3.2)) == "13 ± 3 px²"
    assert value_text(measured(None)) == value_text(measured(float("nan"))) == "absent"


def test_lines_fit():
    text = "an irregular hypoechoic lesion " * 8 + "x" * 200 + " 甲状腺结节 é"
    lines = wrap(text, 14, 200)
    assert all(text_width(line, 14) <= 200 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert text_width(shorten(text, 14, 120), 14) <= 120
    assert shorten("short", 14, 120) == "short"
    assert wrap("", 14, 100) == [""]
