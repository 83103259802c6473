"""What all running metrics share: two processes with their shares of the cases tell what one with all of them does."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from umind.metrics.answers import RunningText
from umind.metrics.cases import RunningCases
from umind.metrics.detection import RunningDetection
from umind.metrics.diagnosis import RunningDiagnosis
from umind.metrics.keypoints import RunningKeypoints
from umind.metrics.measurement import RunningMeasurement
from umind.metrics.overlap import MeanOverlap
from umind.metrics.presence import RunningPresence
from umind.schema.result import Detection, Keypoints

Case = tuple[tuple[object, ...], dict[str, object]]


def mask_case(draw: np.random.Generator) -> Case:
    return (draw.random((12, 15)) < 0.4, draw.random((12, 15)) < 0.4), {}


def box_case(draw: np.random.Generator) -> Case:
    corners = draw.uniform(0, 50, (int(draw.integers(1, 4)), 2))
    boxes = np.concatenate([corners, corners + 20], 1)
    return (Detection(boxes + 2, scores=draw.random(len(boxes)), presence=1.0, phrase=""), boxes), {}


def point_case(draw: np.random.Generator) -> Case:
    truth = draw.uniform(0, 50, (2, 2))
    found = Keypoints(
        truth + draw.normal(0, 3, (2, 2)),
        names=("a", "b"),
        scores=np.ones(2),
        covariances=np.zeros((2, 2, 2)),
        presence=float(draw.random()),
        phrase="",
    )
    return (found, truth), {"size": 60.0, "area": 400.0}


def number_case(draw: np.random.Generator) -> Case:
    return (float(draw.normal(50, 5)), float(draw.normal(50, 3))), {}


def class_case(draw: np.random.Generator) -> Case:
    return (draw.dirichlet([1, 1]), int(draw.integers(2))), {}


def presence_case(draw: np.random.Generator) -> Case:
    return (float(draw.random()), bool(draw.random() < 0.5)), {}


def text_case(draw: np.random.Generator) -> Case:
    sizes = draw.integers(5, 9, 2)
    return tuple(f"left mass of {size} mm, 结节" for size in sizes), {}


FAMILIES: tuple[tuple[Callable[[], RunningCases], Callable[[np.random.Generator], Case]], ...] = (
    (MeanOverlap, mask_case),
    (RunningDetection, box_case),
    (lambda: RunningKeypoints([2.0, 5.0]), point_case),
    (lambda: RunningMeasurement(2.0), number_case),
    (RunningDiagnosis, class_case),
    (RunningPresence, presence_case),
    (RunningText, text_case),
)


@pytest.mark.filterwarnings("ignore:The ``compute`` method:UserWarning")  # a rank without cases is what is tested
@pytest.mark.parametrize(("build", "case"), FAMILIES, ids=lambda item: getattr(item, "__name__", None))
def test_shares_add_up(build: Callable[[], RunningCases], case: Callable[[np.random.Generator], Case]) -> None:
    draw = np.random.default_rng(0)
    cases = [case(draw) for _ in range(24)]
    whole, first, second, idle = (build() for _ in range(4))
    for index, (values, named) in enumerate(cases):
        whole.update(*values, **named)
        (first if index < 17 else second).update(*values, **named)
    want = str(whole.compute())
    assert synced([first, idle, second]) == synced([idle, first, second]) == want
    first.merge_state(second)
    assert str(first.compute()) == want
    values, named = cases[0]
    second.reset()
    second.update(*values, **named)
    assert str(second.compute()) == str(build()(*values, **named)) != want  # nothing is left of the other cases


def synced(ranks: list[RunningCases]) -> str:
    """What the first rank computes with the states of all; one of them may have seen no case."""
    names = iter(ranks[0].widths)

    def gather(own: torch.Tensor, group: object = None) -> list[torch.Tensor]:
        parts = [getattr(rank, name) for name in [next(names)] for rank in ranks]
        flat = [
            torch.cat(part) if part else torch.tensor([], dtype=rank.dtype) for part, rank in zip(parts, ranks, strict=True)
        ]
        torch.testing.assert_close(own, flat[0], rtol=0, atol=0, equal_nan=True)
        assert {(part.dtype, part.ndim) for part in flat} == {(own.dtype, 1)}  # what a gather over processes asks for
        return flat

    ranks[0].dist_sync_fn, ranks[0].distributed_available_fn = gather, lambda: True
    told = str(ranks[0].compute())
    ranks[0].distributed_available_fn = lambda: False
    ranks[0]._computed = None
    return told
