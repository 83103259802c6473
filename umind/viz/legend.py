"""The strip below the image: what each colour is, the values, and the words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageDraw

from umind.schema.result import Answer, Classification, Detection, Keypoints, Measurement, Report, Segmentation
from umind.viz.lettering import shorten, text_width, value_text, wrap, write
from umind.viz.palette import FAINT, GROUND, PANEL, TEXT, Colour

FOOTER = "Research use only, not for diagnosis"
MAX_LINES = 200
"""Lines of one text; a strip stays a picture."""

Entry = Segmentation | Detection | Keypoints | Measurement | Classification | Answer | Report


@dataclass(frozen=True)
class Row:
    """One entry of the strip.

    Args:
        title: Left, in bright letters.
        value: Right, in the entry's colour.
        note: Below the title, in faint letters.
        colour: Of the swatch and the value; None for text.
        bars: Names and shares in 0..1, drawn as bars below.
        text: A paragraph below.
    """

    title: str
    value: str = field(default="", kw_only=True)
    note: str = field(default="", kw_only=True)
    colour: Colour | None = field(default=None, kw_only=True)
    bars: tuple[tuple[str, float], ...] = field(default=(), kw_only=True)
    text: str = field(default="", kw_only=True)


def row_of(entry: Entry, colour: Colour | None) -> Row:
    """What the strip says of a result."""
    presence = f"presence {entry.presence:.2f}"
    if isinstance(entry, Answer | Report):
        return Row("Report" if isinstance(entry, Report) else "Answer", text=entry.text, note=presence)
    if isinstance(entry, Classification):
        bars = tuple((label, float(share)) for label, share in zip(entry.labels, entry.probabilities, strict=True))
        # without the structure its classes mean nothing, whatever the numbers say
        bars = bars if entry.label is not None else ()
        return Row(entry.phrase, value=entry.label or "absent", note=presence, colour=colour, bars=bars)
    if isinstance(entry, Measurement):
        calibration = "not calibrated" if entry.calibration == "none" else f"calibration {entry.calibration}"
        note = f"{entry.method}, {calibration}, {presence}" if entry.value is not None else presence
        return Row(entry.phrase, value=value_text(entry), note=note, colour=colour)
    noun = {Segmentation: "mask", Detection: "box", Keypoints: "point"}[type(entry)]
    count = len(entry)
    plural = noun if count == 1 else "boxes" if noun == "box" else f"{noun}s"
    scores = ", ".join(f"{score:.2f}" for score in entry.scores[:8]) + (", ..." if count > 8 else "")
    note = f"{presence}, {'score' if count == 1 else 'scores'} {scores}" if count else presence
    return Row(entry.phrase, value=f"{count} {plural}" if count else "absent", note=note, colour=colour)


def strip(rows: Sequence[Row], *, width: int, unit: float, name: str = "") -> Image.Image:
    """Draw rows below each other, and a footer.

    Args:
        rows: What the strip says.
        width: Of the strip, in pixels.
        unit: Scale of letters; 1 for a width of 640.
        name: Of the image, for the footer.

    Returns:
        RGB image of the width given and the height needed.
    """
    pen = Pen(width, unit)
    for row in rows:
        pen.row(row)
    pen.footer(name)
    return pen.picture()


class Pen:
    """Draws from the top down; the picture is made when its height is known.

    Args:
        width: Of the picture, in pixels.
        unit: Scale of letters.
    """

    def __init__(self, width: int, unit: float) -> None:
        self.width = width
        self.big, self.small = max(9, round(15 * unit)), max(8, round(12 * unit))
        self.gap, self.margin = round(6 * unit), round(14 * unit)
        self.indent = self.margin + round(20 * unit)
        self.y = self.margin
        self._texts: list[tuple[float, float, str, int, Colour]] = []
        self._boxes: list[tuple[tuple[float, float, float, float], Colour, float]] = []

    def text(self, x: float, text: str, size: int, colour: Colour) -> None:
        """Write a line at the current height."""
        self._texts.append((x, self.y, text, size, colour))

    def box(self, x1: float, y1: float, x2: float, y2: float, colour: Colour, radius: float = 2) -> None:
        """Fill a rectangle; y counts from the current height."""
        if x2 >= x1:
            self._boxes.append(((x1, self.y + y1, x2, self.y + y2), colour, radius))

    def row(self, row: Row) -> None:
        """Draw an entry."""
        room = self.width - self.indent - self.margin
        value = shorten(row.value, self.big, room * 0.6)
        if row.colour:
            side = self.big * 0.8
            self.box(self.margin, self.big * 0.2, self.margin + side, self.big * 0.2 + side, row.colour, side * 0.25)
        left = self.indent if row.colour else self.margin
        self.text(left, shorten(row.title, self.big, room - text_width(value, self.big) - self.gap), self.big, TEXT)
        faint = row.value == "absent"
        self.text(
            self.width - self.margin - text_width(value, self.big), value, self.big, FAINT if faint else row.colour or TEXT
        )
        self.y += round(self.big * 1.4)
        for line in wrap(row.note, self.small, room)[:MAX_LINES] if row.note else []:
            self.text(left, line, self.small, FAINT)
            self.y += round(self.small * 1.35)
        self.bars(row)
        if row.text:
            self.y += self.gap // 2
            for line in wrap(row.text, self.big, self.width - 2 * self.margin)[:MAX_LINES]:
                self.text(left, line, self.big, TEXT)
                self.y += round(self.big * 1.4)
        self.y += self.gap

    def bars(self, row: Row) -> None:
        """Draw the shares of a row as bars with their names before and their per cents behind."""
        if not row.bars:
            return
        room = self.width - self.indent - self.margin
        names = [shorten(name, self.small, room * 0.35) for name, _ in row.bars]
        start = self.indent + max(text_width(name, self.small) for name in names) + 2 * self.gap
        stop = self.width - self.margin - text_width("100.0 %", self.small) - self.gap
        self.y += self.gap // 2
        for name, (_, share) in zip(names, row.bars, strict=True):
            top, bottom = self.small * 0.3, self.small * 0.95
            self.text(self.indent, name, self.small, TEXT)
            self.box(start, top, stop, bottom, PANEL)
            self.box(start, top, start + (stop - start) * float(np.clip(share, 0, 1)), bottom, row.colour or TEXT)
            percent = f"{100 * share:.1f} %"
            self.text(self.width - self.margin - text_width(percent, self.small), percent, self.small, TEXT)
            self.y += round(self.small * 1.5)

    def footer(self, name: str) -> None:
        """Write what the picture is not for, and the image's name."""
        self.box(self.margin, 0, self.width - self.margin, 1, PANEL, 0)
        self.y += self.gap
        self.text(self.margin, FOOTER, self.small, FAINT)
        room = self.width - 2 * self.margin - text_width(FOOTER, self.small) - 2 * self.gap
        label = shorten(name, self.small, room)
        self.text(self.width - self.margin - text_width(label, self.small), label, self.small, FAINT)
        self.y += round(self.small * 1.35) + self.gap

    def picture(self) -> Image.Image:
        """Everything drawn so far."""
        shown = Image.new("RGB", (self.width, round(self.y)), GROUND)
        draw = ImageDraw.Draw(shown)
        for edges, colour, radius in self._boxes:
            draw.rounded_rectangle(edges, radius, fill=colour)
        for x, y, text, size, colour in self._texts:
            write(draw, (x, y), text, size, colour)
        return shown
