"""Seconds over images, targets and pixels, as one picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import UInt8

from umind.viz.palette import FAINT, FINDINGS
from umind.viz.plots import Chart

AXES = {"images": "images in one call of segment", "targets": "phrases in one call of analyze", "side": "side of the image, px"}


def cost_picture(rows: Iterable[Mapping[str, Any]]) -> UInt8[np.ndarray, "480 w 3"]:
    """One panel for each axis: medians, with the quartiles dashed.

    Args:
        rows: Workloads of a card, with ``seconds``; those of each axis in rising order.
    """
    measured = list(rows)
    return np.concatenate([panel(axis, [row for row in measured if row["axis"] == axis]) for axis in AXES], axis=1)


def panel(axis: str, rows: Sequence[Mapping[str, Any]]) -> UInt8[np.ndarray, "480 640 3"]:
    """Milliseconds of the workloads of one axis."""
    numbers = np.array([row[axis] for row in rows], np.float64)
    curves = {name: np.array([1000 * row["seconds"][name] for row in rows]) for name in ("median", "lower", "upper")}
    highest = float(curves["upper"].max())
    chart = Chart((0, float(numbers.max())), (0, highest), title="Time of a call", x_name=AXES[axis], y_name="milliseconds")
    for name in ("lower", "upper"):
        chart.line(np.column_stack([numbers, curves[name]]), FAINT, dashed=True)
    points = np.column_stack([numbers, curves["median"]])
    chart.line(points, FINDINGS[0])
    chart.dots(points, FINDINGS[0])
    return chart.pixels()
