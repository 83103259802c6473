"""Histograms of data sets as one picture: a row for each set, a column for each quantity."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image, ImageDraw

from umind.data.quality.stats import Statistics
from umind.viz.lettering import shorten, write
from umind.viz.palette import FAINT, FINDINGS, GROUND, PANEL, TEXT

WIDTH, HEIGHT = 300, 150
MARGIN = 16
LETTER = 13
NUM_BINS = 24
TITLES = ("longer side, pixels", "spacing, mm per pixel", "instances in an image", "instance, share of its image")


def quantities(held: Statistics) -> tuple[Sequence[float], ...]:
    """Numbers of each column, in the order of `TITLES`."""
    return held.sides, held.spacings, held.instances, held.areas


def draw_histograms(sets: Sequence[Statistics]) -> Image.Image:
    """Histograms of some sets; a column has one scale for all of them, so that they can be compared.

    Raises:
        ValueError: There is no set.
    """
    if not sets:
        raise ValueError("there is no set to draw")
    columns, rows = len(TITLES), len(sets)
    picture = Image.new("RGB", (MARGIN + columns * (WIDTH + MARGIN), MARGIN + rows * (HEIGHT + MARGIN)), GROUND)
    pen = ImageDraw.Draw(picture)
    for column, title in enumerate(TITLES):
        values = [np.array(quantities(held)[column], np.float64) for held in sets]
        everything = np.concatenate(values)
        edges = np.histogram_bin_edges(everything, NUM_BINS) if len(everything) else np.linspace(0, 1, NUM_BINS + 1)
        for row, (held, numbers) in enumerate(zip(sets, values, strict=True)):
            corner = (MARGIN + column * (WIDTH + MARGIN), MARGIN + row * (HEIGHT + MARGIN))
            draw_panel(pen, corner, f"{held.name}: {title}", numbers, edges, FINDINGS[column])
    return picture


def draw_panel(
    pen: ImageDraw.ImageDraw,
    corner: tuple[int, int],
    title: str,
    numbers: np.ndarray[tuple[int], np.dtype[np.float64]],
    edges: np.ndarray[tuple[int], np.dtype[np.float64]],
    colour: tuple[int, int, int],
) -> None:
    """One histogram with its title, the ends of its scale and the height of its highest bar."""
    x, y = corner
    pen.rectangle((x, y, x + WIDTH - 1, y + HEIGHT - 1), fill=PANEL)
    write(pen, (x + 8, y + 6), shorten(title, LETTER, WIDTH - 16), LETTER, TEXT)
    if not len(numbers):
        write(pen, (x + 8, y + HEIGHT // 2), "none", LETTER, FAINT)
        return
    counts, _ = np.histogram(numbers, edges)
    for box in bars(counts, (x + 8, y + 2 * LETTER + 14, x + WIDTH - 8, y + HEIGHT - LETTER - 14)):
        pen.rectangle(box, fill=colour)
    write(pen, (x + 8, y + LETTER + 10), f"highest bar {counts.max()} of {len(numbers)}", LETTER - 2, FAINT)
    write(pen, (x + 8, y + HEIGHT - LETTER - 6), f"{edges[0]:.3g}", LETTER - 2, FAINT)
    write(pen, (x + WIDTH - 60, y + HEIGHT - LETTER - 6), f"{edges[-1]:.3g}", LETTER - 2, FAINT)


def bars(
    counts: np.ndarray[tuple[int], np.dtype[np.intp]], area: tuple[int, int, int, int]
) -> Iterator[tuple[float, float, float, float]]:
    """Rectangles xyxy of the bars that are not empty, at least one pixel high."""
    left, top, right, bottom = area
    step = (right - left) / len(counts)
    for index, count in enumerate(counts.tolist()):
        if count:
            height = max((bottom - top) * count / int(counts.max()), 1)
            yield left + index * step, bottom - height, left + (index + 1) * step - 2, bottom
