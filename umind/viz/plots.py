"""Plots of a benchmark: agreement, reliability and cost, drawn as the rest of the room draws."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Integer, UInt8
from PIL import Image, ImageDraw

from umind.viz.lettering import text_width, write
from umind.viz.palette import FAINT, FINDINGS, GROUND, PANEL, TEXT, Colour

WIDTH, HEIGHT = 640, 480
LEFT, TOP, RIGHT, BOTTOM = 72, 44, 24, 60
"""Margins round the field of a plot."""
FINE = 3
"""Plots are drawn this many times too large and shrunk, which smooths their lines."""
LETTERS = 14
RGB = UInt8[np.ndarray, "480 640 3"]


def bland_altman_plot(predicted: Float[np.ndarray, "n"], reference: Float[np.ndarray, "n"], *, title: str, unit: str) -> RGB:
    """Difference over mean of each pair, with the bias and the 95 % limits of agreement (Bland and Altman 1986).

    Args:
        predicted: Measured values, ``(N,)``; NaN where nothing was measured: not drawn, and counted in the title.
        reference: True values in the same unit, ``(N,)``.
        title: What was measured.
        unit: Of both.

    Raises:
        ValueError: Shapes differ, or fewer than two cases were measured.
    """
    if predicted.shape != reference.shape:
        raise ValueError(f"{predicted.shape} predictions for {reference.shape} references")
    measured = ~np.isnan(predicted)
    if measured.sum() < 2:
        raise ValueError("limits of agreement want two measured cases")
    differences = (predicted - reference)[measured]
    points = np.column_stack([(predicted + reference)[measured] / 2, differences])
    bias, reach = float(differences.mean()), 1.96 * float(differences.std(ddof=1))
    levels = {"bias": bias, "+1.96 SD": bias + reach, "-1.96 SD": bias - reach}
    chart = Chart(
        (points[:, 0].min(), points[:, 0].max()),
        (min(differences.min(), bias - reach, 0), max(differences.max(), bias + reach, 0)),
        title=f"{title}, n = {measured.sum()}" + (f", {(~measured).sum()} missed" if not measured.all() else ""),
        x_name=f"mean of both ({unit})",
        y_name=f"predicted - reference ({unit})",
    )
    chart.level(0, FAINT)
    chart.dots(points, FINDINGS[0])
    for name, height in levels.items():
        chart.level(height, FINDINGS[1], dashed=name != "bias", label=f"{name} {height:.2f}")
    return chart.pixels()


def reliability_plot(
    forecasts: Float[np.ndarray, "b"], frequencies: Float[np.ndarray, "b"], counts: Integer[np.ndarray, "b"], *, title: str
) -> RGB:
    """How often what was forecast came true, bin by bin; a dot's area is the number of its cases.

    Args:
        forecasts: Mean probability of each bin, ``(B,)``.
        frequencies: Share that came true, ``(B,)``.
        counts: Cases, ``(B,)``.
        title: What was forecast.

    Raises:
        ValueError: Shapes differ, or there is no bin.
    """
    if not len(counts) or not forecasts.shape == frequencies.shape == counts.shape:
        raise ValueError(f"bins of different number: {forecasts.shape}, {frequencies.shape} and {counts.shape}")
    chart = Chart((0, 1), (0, 1), title=f"{title}, n = {counts.sum()}", x_name="forecast probability", y_name="share true")
    chart.line(np.array([[0.0, 0.0], [1.0, 1.0]]), FAINT, dashed=True)
    points = np.column_stack([forecasts, frequencies])
    chart.line(points, FINDINGS[0])
    chart.dots(points, FINDINGS[0], radii=2 + 6 * np.sqrt(counts / counts.max()))
    return chart.pixels()


def cost_plot(probability_costs: Float[np.ndarray, "p"], costs: Mapping[str, Float[np.ndarray, "p"]], *, title: str) -> RGB:
    """Cost curves (Drummond and Holte 2006) of several models over the triangle of those that see nothing.

    Args:
        probability_costs: Where the costs were taken, rising from 0 to 1, ``(P,)``.
        costs: Normalised expected cost of each model, ``(P,)``, by its name.
        title: What was detected.

    Raises:
        ValueError: There is no curve, or one has another number of points.
    """
    if not costs or any(curve.shape != probability_costs.shape for curve in costs.values()):
        raise ValueError(f"cost curves want {probability_costs.shape} points each, and one curve at least")
    chart = Chart((0, 1), (0, 0.5), title=title, x_name="share of the ill, weighed by cost", y_name="normalised expected cost")
    chart.line(np.array([[0.0, 0.0], [0.5, 0.5], [1.0, 0.0]]), FAINT, dashed=True)
    for index, (name, curve) in enumerate(costs.items()):
        colour = FINDINGS[index % len(FINDINGS)]
        chart.line(np.column_stack([probability_costs, curve]), colour)
        chart.key(index, name, colour)
    return chart.pixels()


def ticks_between(low: float, high: float, most: int = 7) -> list[float]:
    """Round numbers from low to high, a step of 1, 2 or 5 times a power of ten apart, at most ``most`` of them.

    Raises:
        ValueError: High is not above low.
    """
    if not high > low:
        raise ValueError(f"an axis runs upwards, got {low} to {high}")
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    for step in (power * factor for factor in (1, 2, 5, 10, 20)):
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first < most:
            break
    return [index * step for index in range(first, last + 1)]


class Chart:
    """A field with two axes that is drawn on in the units of its axes.

    Args:
        x_range: Lowest and highest x; a margin is added where they are no ticks.
        y_range: Lowest and highest y.
        title: Above the field.
        x_name: Below it.
        y_name: Beside it.
    """

    def __init__(
        self, x_range: tuple[float, float], y_range: tuple[float, float], *, title: str, x_name: str, y_name: str
    ) -> None:
        self.x_range, self.y_range = _widened(*x_range), _widened(*y_range)
        self.image = Image.new("RGB", (WIDTH * FINE, HEIGHT * FINE), GROUND)
        self.pen = ImageDraw.Draw(self.image)
        self._write((LEFT, 14), title, TEXT, size=LETTERS + 2)
        self._write(((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 28), x_name, TEXT, share=0.5)
        self.pen.rectangle([FINE * edge for edge in (LEFT, TOP, WIDTH - RIGHT, HEIGHT - BOTTOM)], fill=PANEL)
        self._write_upwards(y_name)
        for tick in ticks_between(*self.x_range):
            x, _ = self._place(tick, self.y_range[0])
            self._stroke([(x, TOP), (x, HEIGHT - BOTTOM)], GROUND, 1)
            self._write((x, HEIGHT - BOTTOM + 6), _number(tick), FAINT, share=0.5)
        for tick in ticks_between(*self.y_range):
            _, y = self._place(self.x_range[0], tick)
            self._stroke([(LEFT, y), (WIDTH - RIGHT, y)], GROUND, 1)
            self._write((LEFT - 8, y - LETTERS * 0.7), _number(tick), FAINT, share=1)

    def line(self, points: Float[np.ndarray, "k 2"], colour: Colour, *, dashed: bool = False) -> None:
        """Draw a line through points."""
        placed = [self._place(float(x), float(y)) for x, y in points]
        if not dashed:
            self._stroke(placed, colour, 2)
            return
        for (x1, y1), (x2, y2) in pairwise(placed):
            dashes = max(1, round(math.hypot(x2 - x1, y2 - y1) / 12))
            for start in (np.arange(dashes) / dashes).tolist():
                ends = [(x1 + share * (x2 - x1), y1 + share * (y2 - y1)) for share in (start, start + 0.5 / dashes)]
                self._stroke(ends, colour, 1.5)

    def level(self, height: float, colour: Colour, *, dashed: bool = False, label: str = "") -> None:
        """Draw a horizontal line across the field, with a label above its right end."""
        self.line(np.array([[self.x_range[0], height], [self.x_range[1], height]]), colour, dashed=dashed)
        x, y = self._place(self.x_range[1], height)
        self._write((x - 6, y - LETTERS - 6), label, colour, share=1)

    def dots(self, points: Float[np.ndarray, "k 2"], colour: Colour, *, radii: Float[np.ndarray, "k"] | None = None) -> None:
        """Draw a dot at each point, of one size when no radii are given."""
        sizes = np.full(len(points), 3.5) if radii is None else radii
        for (x, y), radius in zip(points.tolist(), sizes.tolist(), strict=True):
            cx, cy = self._place(x, y)
            box = [FINE * edge for edge in (cx - radius, cy - radius, cx + radius, cy + radius)]
            self.pen.ellipse(box, fill=colour, outline=GROUND, width=FINE)

    def key(self, row: int, name: str, colour: Colour) -> None:
        """Say in the top right corner which colour is whose."""
        x, y = WIDTH - RIGHT - 12, TOP + 8 + row * (LETTERS + 6)
        self._write((x - 26, y), name, TEXT, share=1)
        self._stroke([(x - 20, y + LETTERS * 0.65), (x, y + LETTERS * 0.65)], colour, 2)

    def pixels(self) -> RGB:
        """The plot, ``(480, 640, 3)``."""
        return np.array(self.image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS))

    def _place(self, x: float, y: float) -> tuple[float, float]:
        """Pixel of a point."""
        (x1, x2), (y1, y2) = self.x_range, self.y_range
        across, up = (x - x1) / (x2 - x1), (y - y1) / (y2 - y1)
        return LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)

    def _stroke(self, points: list[tuple[float, float]], colour: Colour, width: float) -> None:
        self.pen.line([(x * FINE, y * FINE) for x, y in points], fill=colour, width=round(width * FINE), joint="curve")

    def _write(self, corner: tuple[float, float], text: str, colour: Colour, *, size: int = LETTERS, share: float = 0) -> None:
        """Write a line whose top is at the corner; ``share`` of it lies left of that."""
        x = corner[0] * FINE - share * text_width(text, size * FINE)
        write(self.pen, (x, corner[1] * FINE), text, size * FINE, colour)

    def _write_upwards(self, text: str) -> None:
        strip = Image.new("RGB", (round(text_width(text, LETTERS * FINE)) + 2, round(LETTERS * 1.4 * FINE)), GROUND)
        write(ImageDraw.Draw(strip), (0, 0), text, LETTERS * FINE, TEXT)
        turned = strip.rotate(90, expand=True)
        self.image.paste(turned, (8 * FINE, (FINE * (TOP + HEIGHT - BOTTOM) - turned.height) // 2))


def _widened(low: float, high: float) -> tuple[float, float]:
    """A range that ends on ticks already, or one with room at both ends."""
    low, high = float(low), float(high)
    if high > low and {low, high} <= {round(tick, 12) for tick in ticks_between(low, high)}:
        return low, high
    room = 0.08 * (high - low) or max(abs(high), 1.0) * 0.1
    return low - room, high + room


def _number(value: float) -> str:
    """A tick as it is written."""
    return f"{value:.6g}" if abs(value) > 1e-12 else "0"
