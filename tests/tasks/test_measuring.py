"""What a measurement asks the model for, and what it makes of regions, points and numbers together."""

import dataclasses

import numpy as np
import pytest

from umind import Clip, UltrasoundImage
from umind.cli.summary import lines
from umind.export import from_dict, to_csv, to_dict, to_html
from umind.protocols import measure
from umind.schema.errors import MissingInputError, UncalibratedError
from umind.tasks.measure import Measure


def image_of(spacing=0.5):
    pixels = np.random.default_rng(0).integers(0, 255, (96, 128), dtype=np.uint8)
    return UltrasoundImage(pixels, spacing=spacing)


def test_one_region_is_asked_for_by_the_whole_phrase():
    (block,) = Measure("head circumference of the second twin").blocks()
    assert block.query == "measure head circumference of the second twin"


def test_several_regions_are_asked_for_by_name():
    blocks = Measure("angle of progression").blocks()
    assert [block.query for block in blocks] == ["segment pubic symphysis", "segment fetal head"]
    (block,) = Measure("angle of progression", points={"pubic symphysis": [[1, 2], [3, 4]]}).blocks()
    assert block.query == "segment fetal head"


def test_what_the_model_cannot_predict_is_named_before_it_is_asked(random_umind):
    with pytest.raises(MissingInputError, match=r"lacks 'biparietal diameter', which the model cannot predict"):
        random_umind.measure(image_of(), "estimated fetal weight")
    with pytest.raises(MissingInputError, match=r"lacks 'skin'.*points=\{'skin'"):
        random_umind.measure(image_of(), "depth of the lesion")
    with pytest.raises(ValueError, match="takes 'lesion', 'skin', not 'probe'"):
        random_umind.measure(image_of(), "depth", points={"probe": [[0, 0]]})
    with pytest.raises(ValueError, match="needs no model"):
        Measure("gestational age", values={"femur length": 3.0}).blocks()


def test_what_is_given_whole_is_not_asked_for(random_umind, monkeypatch):
    monkeypatch.setattr(type(random_umind), "_batches", None)
    values = {"abdominal circumference": 30.1, "femur length": (6.5, 0.1), "head circumference": 31.0}
    weight = random_umind.measure(image_of(), "estimated fetal weight", values=values)
    assert weight.value == pytest.approx(2319, abs=1)
    assert (weight.unit, weight.calibration, weight.phrase) == ("g", "user", "estimated fetal weight")
    length = random_umind.measure(image_of(), "femur length", points={"femur": [[10, 10], [10, 70]]})
    assert (length.value, length.unit) == (30, "mm")
    in_pixels = random_umind.measure(image_of(None), "femur length", points={"femur": [[10, 10], [10, 70]]})
    assert (in_pixels.value, in_pixels.unit, in_pixels.calibration) == (60, "px", "none")


def test_points_go_with_a_region_of_the_model(random_umind):
    result = random_umind.measure(image_of(), "depth", points={"skin": [[64.0, 0.0]]}, threshold=0)
    shape = result.evidence[-1]
    again = measure("depth", masks={"lesion": shape.masks[0]}, points={"skin": [[64.0, 0.0]]}, spacing=0.5)
    assert result.value == pytest.approx(again.value)
    assert (result.unit, result.calibration, result.phrase) == ("mm", "user", "depth")


def test_several_regions_of_the_model(random_umind):
    masks = {"pubic symphysis": bar(), "fetal head": None}
    assert measure("angle of progression", masks=masks, spacing=0.5).value is None
    absent = random_umind.measure(image_of(), "angle of progression", masks={"pubic symphysis": bar()}, threshold=1.1)
    assert (absent.value, absent.unit, absent.evidence) == (None, "deg", ())
    assert 0 <= absent.presence <= 1


def test_every_protocol_of_one_region_and_its_spread(random_umind):
    for name in ("head circumference", "longest diameter", "area", "cephalic index", "femur length"):
        result = random_umind.measure(image_of(), name, threshold=0)
        assert result.value > 0
        assert result.spread > 0
        assert result.phrase == name
    with pytest.raises(UncalibratedError):
        random_umind.measure(image_of(None), "cephalic index", threshold=0)


def test_analyze_takes_measurements_of_several_regions(random_umind):
    both = random_umind.analyze(image_of(), ["cyst"], measure=["angle of progression", "area"], threshold=1.1)
    assert {name: result.unit for name, result in both.measurements.items()} == {"angle of progression": "deg", "area": "mm2"}


def test_analyze_refuses_what_the_image_cannot_give_and_does_the_rest(random_umind):
    result = random_umind.analyze(image_of(None), ["cyst"], measure=["cephalic index", "area"], threshold=0)
    assert list(result.measurements) == ["area"]
    assert result.measurements["area"].unit == "px2"
    assert list(result.refused) == ["cephalic index"]
    assert "cephalic index" in result.refused["cephalic index"]
    assert len(result.segmentations["cyst"])
    assert from_dict(to_dict(result)).refused == result.refused
    row = next(line for line in to_csv(result).splitlines() if ",refused," in line)
    assert result.refused["cephalic index"].split(":")[0] in row
    page = to_html(image_of(None), result)
    assert "<h2>Refused</h2>" in page
    assert any("cephalic index: refused" in line for line in lines(result))
    assert not random_umind.analyze(image_of(), measure=["cephalic index"], threshold=0).refused


def test_a_region_with_no_scale_of_its_own_is_measured_in_pixels(random_umind, monkeypatch):
    """The picture has a spacing, but not where the region lies."""
    asked = []
    monkeypatch.setattr(UltrasoundImage, "spacing_at", lambda self, points: asked.append(points))
    result = random_umind.measure(image_of(), "area", threshold=0)
    assert (result.unit, result.calibration) == ("px2", "none")
    x1, y1, x2, y2 = result.evidence[-1].boxes[0]
    assert np.array_equal(asked[0], [[x1, y1], [x2, y2]])


def test_a_refusal_takes_its_place_in_a_list(random_umind):
    images = [image_of(), image_of(None), image_of()]
    first, second, third = random_umind.measure(images, "cephalic index", threshold=0, errors="return")
    assert isinstance(second, UncalibratedError)
    assert first.value == third.value > 0
    with pytest.raises(UncalibratedError):
        random_umind.measure(images, "cephalic index", threshold=0)


def test_a_clip_gives_its_frames_to_a_protocol_that_wants_them(random_umind):
    frames = [dataclasses.replace(image_of(), pixels=np.roll(image_of().pixels, 9 * k, 1)) for k in range(3)]
    clip = Clip(lambda k: frames[k], num_frames=3)
    result = random_umind.measure(clip, "ejection fraction", threshold=0)
    assert (result.unit, result.calibration, result.phrase) == ("%", "user", "ejection fraction")
    assert result.value >= 0
    assert result.spread > 0
    assert "end-diastole in frame" in result.method
    assert random_umind.measure(clip, "ejection fraction", threshold=1.1).value is None
    with pytest.raises(ValueError, match="a clip where one image is wanted"):
        random_umind.measure(clip, "head circumference")
    with pytest.raises(MissingInputError, match="left ventricle"):
        random_umind.measure(frames[0], "ejection fraction")


def bar():
    mask = np.zeros((96, 128), bool)
    mask[20:26, 10:40] = True
    return mask
