"""An image with every kind of result, its exact geometry known."""

from __future__ import annotations

import numpy as np
import pytest

from umind.geometry.caliper import Caliper
from umind.geometry.ellipse import Ellipse
from umind.geometry.frame import FrameMap
from umind.schema.image import UltrasoundImage
from umind.schema.result import (
    Analysis,
    Answer,
    Classification,
    Code,
    Detection,
    Keypoints,
    Measurement,
    Report,
    Segmentation,
)


@pytest.fixture
def image() -> UltrasoundImage:
    pixels = np.random.default_rng(0).integers(0, 200, (60, 90), np.uint8)
    return UltrasoundImage(pixels, spacing=(0.1, 0.2), name="scan.png", tags={"manufacturer": "ACME <b>"})


@pytest.fixture
def segmentation() -> Segmentation:
    rng = np.random.default_rng(1)
    ys, xs = np.mgrid[:32, :32]
    disc = 7.0 - np.hypot(xs - 15, ys - 16)
    logits = np.stack([disc + rng.normal(0, 0.8, disc.shape), 4.0 - np.hypot(xs - 26, ys - 12)]).astype(np.float32)
    scores = np.array([0.9, 0.6], np.float32)
    return Segmentation(logits, frame=FrameMap.letterbox(60, 90, 128), scores=scores, presence=0.97, phrase="breast lesion")


@pytest.fixture
def results(segmentation: Segmentation) -> dict[str, object]:
    """One result of each class by name, evidence nested in those that have any."""
    detection = Detection(
        np.array([[10.5, 5, 30, 25]], np.float32), scores=np.array([0.8], np.float32), presence=0.9, phrase="breast lesion"
    )
    keypoints = Keypoints(
        np.array([[20, 30.25], [40, 10]], np.float32),
        names=("apex", "base"),
        scores=np.array([0.7, 0.2], np.float32),
        covariances=np.array([np.eye(2), [[4, 1], [1, 3]]], np.float32),
        presence=0.8,
        phrase="left ventricle",
    )
    measurement = Measurement(
        12.34,
        unit="mm",
        spread=0.56,
        evidence=(Caliper((10.0, 10.0), (40.0, 20.0)), Ellipse(45.0, 30.0, 20.0, 10.0, 0.5), segmentation, keypoints),
        method="longest diameter, 2024",
        calibration="user",
        code=Code("11984-2", "LN", "Head Circumference"),
        presence=0.93,
        phrase="lesion size",
    )
    classification = Classification(
        ("benign", "malignant"), probabilities=np.array([0.75, 0.25], np.float32), presence=0.9, label="benign", phrase="lesion"
    )
    answer = Answer("Yes, 12.3 mm.", evidence=(segmentation, measurement), presence=0.93)
    report = Report(
        "There is a lesion of 12.3 mm.",
        findings=("There is a lesion of 12.3 mm.",),
        measurements=(measurement,),
        evidence=(segmentation, detection),
        presence=0.9,
    )
    analysis = Analysis(
        {"breast lesion": segmentation},
        detections={"breast lesion": detection},
        keypoints={"left ventricle": keypoints},
        measurements={"lesion size": measurement},
        classifications={"lesion": classification},
        report=report,
        name="scan.png",
    )
    return {
        "Segmentation": segmentation,
        "Detection": detection,
        "Keypoints": keypoints,
        "Measurement": measurement,
        "Classification": classification,
        "Answer": answer,
        "Report": report,
        "Analysis": analysis,
    }


@pytest.fixture
def analysis(results: dict[str, object]) -> Analysis:
    found = results["Analysis"]
    assert isinstance(found, Analysis)
    return found


@pytest.fixture
def absent() -> Analysis:
    """What comes back when nothing that was asked for is there."""
    empty = np.zeros(0, np.float32)
    frame = FrameMap.letterbox(60, 90, 128)
    return Analysis(
        {"cyst": Segmentation(np.zeros((0, 32, 32), np.float32), frame=frame, scores=empty, presence=0.02, phrase="cyst")},
        detections={"cyst": Detection(np.zeros((0, 4), np.float32), scores=empty, presence=0.02, phrase="cyst")},
        keypoints={
            "femur": Keypoints(
                np.zeros((0, 2), np.float32),
                names=(),
                scores=empty,
                covariances=np.zeros((0, 2, 2), np.float32),
                presence=0.01,
                phrase="femur",
            )
        },
        measurements={
            "femur length": Measurement(
                None,
                unit="px",
                spread=None,
                evidence=(),
                method="long axis",
                calibration="none",
                code=None,
                presence=0.01,
                phrase="femur length",
            )
        },
        classifications={
            "cyst": Classification(
                ("simple", "complex"),
                probabilities=np.array([0.5, 0.5], np.float32),
                presence=0.02,
                label=None,
                phrase="cyst",
            )
        },
    )
