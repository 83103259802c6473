"""Cost curves against every threshold, one by one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from umind.metrics.costs import cost_curve

GRID = np.linspace(0, 1, 21)


@settings(max_examples=40)
@given(seed=st.integers(0, 2**16), levels=st.sampled_from([2, 5, 1000]))
def test_curve_equals_every_threshold(seed: int, levels: int) -> None:
    draw = np.random.default_rng(seed)
    scores, labels = draw.integers(0, levels, 20) / levels, np.arange(20) % 2
    got = cost_curve(scores, labels, GRID)
    for pc, cost in zip(GRID, got, strict=True):
        prices = []
        for threshold in [*scores, 2.0]:
            called = scores >= threshold
            prices.append((~called[labels == 1]).mean() * pc + called[labels == 0].mean() * (1 - pc))
        assert cost == pytest.approx(min(prices), abs=1e-9)
    assert (got <= np.minimum(GRID, 1 - GRID) + 1e-9).all()
    np.testing.assert_allclose(cost_curve(np.exp(scores), labels, GRID), got)
    np.testing.assert_allclose(cost_curve(-scores, 1 - labels, 1 - GRID), got, atol=1e-9)


def test_perfect_blind_and_swapped() -> None:
    scores, labels = np.array([0.1, 0.2, 0.8, 0.9]), np.array([0, 0, 1, 1])
    assert (cost_curve(scores, labels, GRID) == 0).all()
    np.testing.assert_allclose(cost_curve(np.full(4, 0.5), labels, GRID), np.minimum(GRID, 1 - GRID))
    np.testing.assert_allclose(cost_curve(scores, 1 - labels, GRID), np.minimum(GRID, 1 - GRID))  # planted: swapped labels


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match="both classes"):
        cost_curve(np.array([0.1, 0.2]), np.array([1, 1]), GRID)
    with pytest.raises(ValueError, match=r"outside 0\.\.1"):
        cost_curve(np.array([0.1, 0.2]), np.array([0, 1]), np.array([1.5]))
