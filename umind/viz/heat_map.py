"""Shares as coloured cells, panel beside panel."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw

from umind.viz.lettering import text_width, write
from umind.viz.palette import FAINT, FINDINGS, GROUND, PANEL, TEXT, Colour

CELL_WIDTH, CELL_HEIGHT = 52, 26
LETTERS = 13
TOP, BOTTOM, GAP = 68, 34, 20
"""Above the cells, below them, and beside each panel."""
EDGE = 1
"""Ground between two cells."""


def heat_map(
    panels: Mapping[str, Float[np.ndarray, "r c"]], *, rows: Sequence[str], columns: Sequence[str], title: str
) -> UInt8[np.ndarray, "h w 3"]:
    """Cells from dark, nothing, to bright, the largest share of any panel, with the share in percent in each.

    Args:
        panels: Shares of R rows and C columns, by what stands above them.
        rows: Names of the rows.
        columns: Names of the columns.
        title: Above all.

    Raises:
        ValueError: There is no panel, or one has another shape, or a number that is no share.
    """
    shape = (len(rows), len(columns))
    wrong = [name for name, part in panels.items() if part.shape != shape or not ((part >= 0) & (part <= 1)).all()]
    if not panels or wrong or not all(shape):
        raise ValueError(f"a heat map wants panels of {shape[0]} x {shape[1]} shares each, got {wrong or 'none'}")
    brightest = max(float(part.max()) for part in panels.values()) or 1.0
    left = GAP + math.ceil(max(text_width(name, LETTERS) for name in rows))
    steps = [max(len(columns) * CELL_WIDTH, math.ceil(text_width(name, LETTERS))) + GAP for name in panels]
    width = max(left + GAP // 2 + sum(steps), 2 * GAP + math.ceil(text_width(title, LETTERS + 2)))
    height = TOP + len(rows) * CELL_HEIGHT + BOTTOM
    image = Image.new("RGB", (width, height), GROUND)
    pen = ImageDraw.Draw(image)
    write(pen, (GAP, 12), title, LETTERS + 2, TEXT)
    for row, name in enumerate(rows):
        write(pen, (GAP // 2, TOP + row * CELL_HEIGHT + 5), name, LETTERS, FAINT)
    x = left
    for step, (name, part) in zip(steps, panels.items(), strict=True):
        write(pen, (x, TOP - LETTERS - 9), name, LETTERS, TEXT)
        for column, label in enumerate(columns):
            centred(pen, (x + (column + 0.5) * CELL_WIDTH, height - BOTTOM + 6), label, FAINT)
            for row, share in enumerate(part[:, column].tolist()):
                corner = x + column * CELL_WIDTH, TOP + row * CELL_HEIGHT
                pen.rectangle(
                    [*corner, corner[0] + CELL_WIDTH - 1 - EDGE, corner[1] + CELL_HEIGHT - 1 - EDGE], shade(share / brightest)
                )
                letters = GROUND if share > brightest / 2 else TEXT
                centred(pen, (corner[0] + CELL_WIDTH / 2, corner[1] + 5), f"{100 * share:.0f}", letters)
        x += step
    return np.array(image)


def shade(strength: float) -> Colour:
    """A colour between the panel's and the first finding's."""
    red, green, blue = (round(low + strength * (high - low)) for low, high in zip(PANEL, FINDINGS[0], strict=True))
    return red, green, blue


def centred(pen: ImageDraw.ImageDraw, place: tuple[float, float], text: str, colour: Colour) -> None:
    """Write a line round the middle of its top."""
    write(pen, (place[0] - text_width(text, LETTERS) / 2, place[1]), text, LETTERS, colour)
