"""Plots: what is drawn stands where the numbers say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umind.viz.palette import FINDINGS, PANEL
from umind.viz.plots import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Chart,
    bland_altman_plot,
    cost_plot,
    reliability_plot,
    ticks_between,
)

FIELD = slice(TOP, HEIGHT - BOTTOM), slice(LEFT, WIDTH - RIGHT)


def is_near(pixels: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    return np.abs(pixels.astype(int) - colour).max(-1) < 40


def spot(x: float, y: float) -> tuple[int, int]:
    """Row and column of a point of a field that runs from 0 to 1 both ways."""
    return round(HEIGHT - BOTTOM - y * (HEIGHT - TOP - BOTTOM)), round(LEFT + x * (WIDTH - LEFT - RIGHT))


def test_a_dot_stands_where_it_belongs():
    chart = Chart((0, 1), (0, 1), title="", x_name="", y_name="")
    chart.dots(np.array([[0.3, 0.7]]), FINDINGS[0])
    rows, columns = is_near(chart.pixels(), FINDINGS[0]).nonzero()
    assert (rows.mean(), columns.mean()) == pytest.approx(spot(0.3, 0.7), abs=1)
    assert len(rows) > 12


def test_bland_altman_draws_bias_and_limits():
    reference = np.linspace(50, 150, 21)
    predicted = reference + 2 + np.tile([-3.0, 0.0, 3.0], 7)
    shown = bland_altman_plot(predicted, reference, title="size", unit="mm")
    assert (shown.shape, shown.dtype) == ((HEIGHT, WIDTH, 3), np.uint8)
    lines = (shown[..., 0].astype(int) - shown[..., 2] > 30)[FIELD]  # amber, blended with the ground between two rows
    full = np.flatnonzero(lines.mean(1) > 0.9)
    assert np.ptp(full) < 4  # the bias alone is a full line
    dashed = np.flatnonzero((lines.mean(1) > 0.3) & (lines.mean(1) < 0.8))
    assert dashed.min() < full.min() < full.max() < dashed.max()
    assert dashed.min() + dashed.max() == pytest.approx(full.min() + full.max(), abs=4)  # the limits lie around it evenly
    missed = predicted.copy()
    missed[0] = np.nan
    assert (bland_altman_plot(missed, reference, title="size", unit="mm") != shown).any()
    flat = bland_altman_plot(reference, reference, title="no error at all", unit="mm")
    assert is_near(flat, FINDINGS[1]).any()


def test_reliability_dots_lie_on_the_diagonal_and_grow_with_their_cases():
    forecasts, counts = np.array([0.25, 0.75]), np.array([10, 90])
    shown = reliability_plot(forecasts, forecasts, counts, title="lesion")
    sizes = []
    for value in forecasts:
        row, column = spot(value, value)
        around = is_near(shown, FINDINGS[0])[row - 12 : row + 13, column - 12 : column + 13]
        assert around[12, 12]
        sizes.append(around.sum())
    assert sizes[1] > 1.5 * sizes[0]
    row, column = spot(0.25, 0.9)
    off = reliability_plot(forecasts, np.array([0.9, 0.75]), counts, title="lesion")
    assert is_near(off, FINDINGS[0])[row, column]
    assert not is_near(shown, FINDINGS[0])[row, column]


def test_cost_curves_have_their_colours_and_names():
    grid = np.linspace(0, 1, 11)
    worst = np.minimum(grid, 1 - grid)
    one = cost_plot(grid, {"ours": worst / 2}, title="lesion")
    two = cost_plot(grid, {"ours": worst / 2, "specialist": worst / 4}, title="lesion")
    assert is_near(one, FINDINGS[0])[spot(0.5, 0.5)]
    assert is_near(two, FINDINGS[1])[spot(0.5, 0.25)]
    assert not is_near(one, FINDINGS[1]).any()


def test_ground_shows_where_nothing_is_drawn():
    chart = Chart((0, 1), (0, 1), title="t", x_name="x", y_name="y")
    assert is_near(chart.pixels(), PANEL)[FIELD].mean() > 0.99


@given(low=st.floats(-1e6, 1e6), span=st.floats(1e-3, 1e6))
def test_ticks_are_few_even_and_inside(low: float, span: float) -> None:
    ticks = ticks_between(low, low + span)
    assert 2 <= len(ticks) <= 7
    slack = 1e-6 * span
    assert low - slack <= ticks[0] <= ticks[-1] <= low + span + slack
    steps = np.diff(ticks)
    assert steps == pytest.approx(steps[0], rel=1e-5)
    assert f"{steps[0]:.0e}"[0] in "125"


def test_what_is_refused():
    numbers = np.array([1.0, 2.0])
    with pytest.raises(ValueError, match="references"):
        bland_altman_plot(numbers, numbers[1:], title="", unit="mm")
    with pytest.raises(ValueError, match="two measured"):
        bland_altman_plot(np.array([1.0, np.nan]), numbers, title="", unit="mm")
    with pytest.raises(ValueError, match="different number"):
        reliability_plot(numbers, numbers, np.array([1]), title="")
    for costs in ({}, {"ours": numbers[1:]}):
        with pytest.raises(ValueError, match="at least"):
            cost_plot(numbers, costs, title="")
    with pytest.raises(ValueError, match="upwards"):
        ticks_between(1.0, 1.0)
