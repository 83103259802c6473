from dataclasses import replace

import numpy as np
import pytest
import torch

from umind.geometry.frame import FrameMap
from umind.geometry.spacing import Spacing
from umind.schema.image import UltrasoundImage
from umind.schema.result import Measurement, Segmentation
from umind.tasks.analyze import Analyze
from umind.tasks.ask import Ask, sentence_case
from umind.tasks.classify import Classify
from umind.tasks.detect import Detect
from umind.tasks.keypoints import Point
from umind.tasks.measure import Measure
from umind.tasks.readout import BlockReadout, Calibration, PointsRead, Readout, Region, distinct
from umind.tasks.registry import TASKS
from umind.tasks.report import Write
from umind.tasks.segment import Segment

CALIBRATION = Calibration(1.0, 0.0, 0.5, 0.3, 2.0, 1.0)


def disc(x: float, y: float, radius: float, size: int = 64) -> np.ndarray:
    rows, columns = np.mgrid[:size, :size] + 0.5
    return (radius - np.hypot(columns - x, rows - y)).astype(np.float32)


def region(presence: float = 0.9, scores: tuple[float, ...] = (0.8, 0.4, 0.1)) -> Region:
    masks = np.stack([disc(12 + 20 * k, 30, 6) for k in range(len(scores))])
    boxes = np.array([[0.1, 0.2, 0.3, 0.4]] * len(scores), np.float32)
    scales, spreads = np.ones((len(scores), 4), np.float32), np.full((len(scores), 4), 0.05, np.float32)
    return Region(presence, np.array(scores, np.float32), masks, boxes, scales, spreads, CALIBRATION, points(len(scores), 0))


def points(num_instances: int, num_points: int) -> PointsRead:
    """Every point of instance k at (0.5, 0.25 + k / 100), four pixels squared uncertain."""
    places = np.array([[[0.5, 0.25 + k / 100]] * num_points for k in range(num_instances)]).reshape(num_instances, -1, 2)
    covariances = np.broadcast_to(np.eye(2) / 256**2, (num_instances, num_points, 2, 2))
    return PointsRead(places, covariances, np.full((num_instances, num_points), 0.7))


def readout(*blocks: BlockReadout, spacing: float | None = 0.5) -> Readout:
    """A source twice the size of the model frame."""
    image = UltrasoundImage(np.zeros((512, 512), np.uint8), spacing=spacing, name="made up")
    return Readout(image, FrameMap.letterbox(512, 512, 256), blocks, CALIBRATION)


def block(*regions: Region, likelihood: float = 0.0, response: str = "") -> BlockReadout:
    return BlockReadout(regions, likelihood, response)


def test_every_verb_is_registered():
    assert list(TASKS) == ["segment", "detect", "keypoints", "measure", "classify", "ask", "report", "analyze"]


def test_segment_keeps_scores_above_the_threshold_and_always_the_best():
    assert len(Segment("cyst").read(readout(block(region())))) == 2
    assert len(Segment("cyst").read(readout(block(region(scores=(0.2, 0.1)))))) == 1
    assert len(Segment("cyst", 0).read(readout(block(region())))) == 3
    assert len(Segment("cyst").read(readout(block(region(presence=0.4))))) == 0


@pytest.mark.parametrize("threshold", [None, 0, 1e-3, 0.2, 0.9, 1 - 1e-6, 1, 1.1])
def test_below_the_least_logit_nothing_is_present(threshold):
    for scale, shift in ((1.0, 0.0), (0.6, -2.0), (3.0, 1.5), (-1.0, 0.0)):
        calibration = replace(CALIBRATION, presence_scale=scale, presence_shift=shift)
        logits = torch.linspace(-30, 30, 6001)
        presences = torch.sigmoid(scale * logits + shift).tolist()
        present = [replace(region(presence), calibration=calibration).is_present(threshold) for presence in presences]
        surely_absent = logits < calibration.least_logit(threshold)
        assert not (surely_absent & torch.tensor(present)).any()
        if scale > 0 and threshold in (None, 0.2, 0.9):
            assert (~surely_absent).sum() - sum(present) <= 2


def test_boxes_come_back_in_source_pixels():
    detection = Detect("cyst").read(readout(block(region(scores=(0.8,)))))
    np.testing.assert_allclose(detection.boxes, [[51.2, 102.4, 153.6, 204.8]], rtol=1e-5)


def test_points_come_back_in_source_pixels_with_their_covariance():
    found = Point("head").read(readout(block(replace(region(), points=points(3, 4)))))
    np.testing.assert_allclose(found.points, [[256, 128]] * 4)
    np.testing.assert_allclose(found.covariances[0], np.eye(2) * 4, rtol=1e-5)
    assert len(Point("head").read(readout(block(replace(region(presence=0.1), points=points(3, 4)))))) == 0


def test_a_doubtful_instance_is_not_the_largest():
    masks = np.stack([disc(12, 30, 6), disc(40, 30, 9), disc(58, 58, 14)])
    unsure = replace(region(scores=(0.8, 0.35, 0.1)), masks=masks)
    assert len(Segment("cyst").read(readout(block(unsure)))) == 2
    assert Measure("longest diameter of the cyst").read(readout(block(unsure))).value == pytest.approx(48, rel=0.05)


def test_several_instances_are_measured_and_pointed_at_by_the_largest():
    masks = np.stack([disc(12, 30, 6), disc(40, 30, 9), disc(58, 58, 14)])
    several = replace(region(), masks=masks, points=points(3, 4))
    found = Point("cyst").read(readout(block(several)))  # the third, larger still, is below the threshold
    np.testing.assert_allclose(found.points, [[256, 512 * 0.26]] * 4)
    assert Measure("longest diameter of the cyst").read(readout(block(several))).value == pytest.approx(72, rel=0.05)


def test_measure_reads_an_instance_in_millimetres():
    found = Measure("longest diameter of the cyst").read(readout(block(region())))
    assert found.unit == "mm"
    assert found.value == pytest.approx(12 * 8 * 0.5, rel=0.05)  # 12 cells of 8 source pixels of 0.5 mm
    assert found.spread == pytest.approx(0.05 * found.value)
    assert isinstance(found.evidence[1], Segmentation)
    plain = Measure("area of the cyst").read(readout(block(region()), spacing=None))
    assert (plain.unit, plain.calibration) == ("px2", "none")


def test_lengths_and_their_evidence_are_corrected_by_what_the_head_says():
    short = replace(region(), scales=np.array([[1.25, 1, 1, 1]] * 3, np.float32))
    plain, longer = (Measure("longest diameter of the cyst").read(readout(block(found))) for found in (region(), short))
    assert longer.value == pytest.approx(1.25 * plain.value)
    assert longer.spread == pytest.approx(0.05 * longer.value)
    assert longer.method == f"{plain.method}; 1.250 times what the mask shows, by the length head"
    assert longer.evidence[0].length(longer_spacing := Spacing.of(0.5)) == pytest.approx(longer.value)
    assert plain.evidence[0].length(longer_spacing) == pytest.approx(plain.value)
    across = [Measure("perpendicular diameter of the cyst").read(readout(block(found))).value for found in (region(), short)]
    assert across[0] == across[1]


def test_classify_is_a_tempered_softmax():
    answer = Classify("cyst", ("a", "b")).read(readout(block(region()), block(likelihood=-1.0), block(likelihood=-3.0)))
    assert answer.probabilities[0] == pytest.approx(1 / (1 + np.exp(-1)), abs=1e-6)
    assert answer.label == "a"


def test_numbers_in_text_are_measurements():
    said = "one cyst[SEG] in the upper left. longest diameter[MEAS], perpendicular diameter[MEAS]. assessment: benign."
    report = Write().read(readout(block(region(), region(), region(), response=said)))
    assert len(report.measurements) == 2
    for measurement in report.measurements:
        assert str(measurement) in report.text
    assert report.measurements[0].method.startswith("longest")
    assert report.measurements[1].method.startswith("perpendicular")
    assert "[" not in report.text
    assert report.text.startswith("One cyst in the upper left. Longest diameter 4")


def test_an_answer_points_at_what_it_says():
    answer = Ask("Is there a cyst, and where?").read(readout(block(region(), response="yes, in the left[SEG]")))
    assert answer.text == "Yes, in the left"
    assert isinstance(answer.evidence[0], Segmentation)
    assert answer.presence == pytest.approx(0.9)


def test_an_absent_measurement_is_no_number():
    answer = Ask("how big?").read(readout(block(region(presence=0.1), response="longest diameter[MEAS]")))
    assert isinstance(answer.evidence[0], Measurement)
    assert answer.evidence[0].value is None
    assert not any(character.isdigit() for character in answer.text)


def test_analyze_sorts_what_single_questions_would_give():
    question = Analyze(("cyst", "nerve"), ("area of the cyst",), {"cyst": ("a", "b")}, ("cyst",), True)
    blocks = [
        block(region()),
        block(region(presence=0.1)),
        block(region()),
        block(region()),
        block(likelihood=-3.0),
        block(likelihood=-1.0),
        block(replace(region(), points=points(3, 4))),
        block(response="nothing"),
    ]
    assert len(question.blocks()) == len(blocks)
    analysis = question.read(readout(*blocks))
    assert len(analysis.segmentations["cyst"]) == len(analysis.detections["cyst"]) == 2
    assert len(analysis.segmentations["nerve"]) == 0
    assert analysis.measurements["area of the cyst"].unit == "mm2"
    assert analysis.classifications["cyst"].label == "b"
    assert len(analysis.keypoints["cyst"]) == 4
    assert analysis.report.text == "Nothing"
    assert analysis.name == "made up"


def test_distinct_drops_duplicates_and_empty_masks():
    masks = np.stack([disc(20, 20, 8), disc(21, 20, 8), disc(45, 45, 6), disc(20, 20, -5)])
    np.testing.assert_array_equal(distinct(masks), [0, 2])
    np.testing.assert_array_equal(distinct(masks[3:]), [0])
    assert len(distinct(masks[:0])) == 0


def test_sentence_case():
    assert sentence_case("one  cyst . margin smooth , round") == "One cyst. Margin smooth, round"
