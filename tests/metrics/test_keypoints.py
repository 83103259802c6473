"""Landmark errors against loops."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umind.geometry.spacing import Spacing
from umind.metrics.keypoints import keypoint_scores, radial_errors

spacings = st.one_of(st.none(), st.builds(Spacing, st.floats(0.1, 3.0), st.floats(0.1, 3.0)))


@given(num=st.integers(1, 6), seed=st.integers(0, 2**16), spacing=spacings)
def test_errors_equal_a_loop(num: int, seed: int, spacing: Spacing | None) -> None:
    draw = np.random.default_rng(seed)
    predicted, truth = draw.uniform(0, 100, (2, num, 2))
    dy, dx = (spacing.dy, spacing.dx) if spacing else (1.0, 1.0)
    want = [math.hypot((p[0] - t[0]) * dx, (p[1] - t[1]) * dy) for p, t in zip(predicted, truth, strict=True)]
    np.testing.assert_allclose(radial_errors(predicted, truth, spacing), want)


@given(seed=st.integers(0, 2**16), spacing=spacings)
def test_pairs_take_the_better_order(seed: int, spacing: Spacing | None) -> None:
    """Points 0-1 and 2-3 are calipers, 4 stands alone; the reference tries every order."""
    predicted, truth = np.random.default_rng(seed).uniform(0, 100, (2, 5, 2))
    sums = []
    for first, second in itertools.product([(0, 1), (1, 0)], [(2, 3), (3, 2)]):
        order = [*first, *second, 4]
        sums.append(radial_errors(predicted[order], truth, spacing).sum())
    assert radial_errors(predicted, truth, spacing, pairs=[(0, 1), (2, 3)]).sum() == pytest.approx(min(sums))


def test_a_swapped_caliper_is_right_only_as_a_pair() -> None:
    truth = np.array([[10.0, 10.0], [50.0, 10.0]])
    assert radial_errors(truth[::-1], truth).tolist() == [40, 40]
    assert radial_errors(truth[::-1], truth, pairs=[(0, 1)]).tolist() == [0, 0]
    nearly = truth[::-1] + np.array([[3.0, 4.0], [0.0, 0.0]])
    assert radial_errors(nearly, truth, pairs=[(0, 1)]).tolist() == [0, 5]  # the error stays with its true point


def test_scores() -> None:
    got = keypoint_scores(np.array([1.0, 3.0, 5.0, np.inf]), [2.0, 3.0, 10.0])
    assert got.mean == 3
    assert got.sd == 2
    assert got.detection_rates == (0.25, 0.5, 0.75)
    assert (got.num_points, got.num_missed) == (4, 1)


def test_missed_structures_are_never_dropped() -> None:
    errors = radial_errors(np.zeros((0, 2)), np.ones((3, 2)))
    assert np.isinf(errors).all()
    assert errors.shape == (3,)
    got = keypoint_scores(errors, [5.0])
    assert math.isnan(got.mean)
    assert got.detection_rates == (0.0,)
    assert got.num_missed == 3


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match="2 predicted points for 3"):
        radial_errors(np.zeros((2, 2)), np.zeros((3, 2)))
    with pytest.raises(ValueError, match="NaN"):
        keypoint_scores(np.array([np.nan]), [1.0])
