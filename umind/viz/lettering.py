"""Letters on images: fonts that have the glyphs, widths, lines, and a number written as a clinic writes it."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from itertools import groupby
from types import MappingProxyType

from PIL import ImageDraw, ImageFont

from umind.schema.result import Measurement
from umind.viz.palette import SHADOW, Colour

FALLBACKS = ("DejaVuSans.ttf", "NotoSansCJK-Regular.ttc", "NotoSans-Regular.ttf", "Arial Unicode.ttf", "msyh.ttc", "Arial.ttf")
"""Fonts of the system, tried in this order where Pillow's own font lacks a glyph."""
UNITS: Mapping[str, str] = MappingProxyType(
    {"mm2": "mm²", "cm2": "cm²", "px2": "px²", "deg": "°", "wk": "weeks", "d": "days", "{points}": "points"}
)
"""How a UCUM unit is shown; the others show themselves."""
SOURCES: Mapping[str, str] = MappingProxyType(
    {
        "user": "given by the caller",
        "dicom-region": "DICOM ultrasound regions",
        "dicom-pixel-spacing": "DICOM PixelSpacing",
        "header": "the file's header",
        "sidecar": "a file beside the image",
        "ruler": "depth ruler in the image",
    }
)
"""Sources of a spacing in words; the others say it themselves."""
DECIMALS: Mapping[str, int] = MappingProxyType({"cm": 2, "cm2": 2, "m": 3, "px2": 0, "g": 0, "d": 0, "{points}": 0})
"""Decimals of a value; 1 for the units that are not here, as millimetres are rounded."""
NO_GLYPH = "\U0010fffd"
"""Private use: every font shows its empty box for it."""

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@lru_cache(maxsize=64)
def load_font(name: str, size: int) -> Font | None:
    """A font by file name, ``""`` for the one inside Pillow; None where the system lacks it."""
    try:
        return ImageFont.truetype(name, size) if name else ImageFont.load_default(size)
    except OSError:
        return None


@lru_cache(maxsize=4096)
def has_glyph(name: str, character: str) -> bool:
    """True when the font draws the character as something else than its empty box."""
    font = load_font(name, 16)
    if font is None:
        return False
    drawn, missing = font.getmask(character), font.getmask(NO_GLYPH)
    return character.isspace() or (drawn.size, bytes(drawn)) != (missing.size, bytes(missing))


@lru_cache(maxsize=4096)
def font_for(character: str) -> str | None:
    """Name of the first font that has a character; None without one."""
    return next((name for name in ("", *FALLBACKS) if has_glyph(name, character)), None)


def runs(text: str, size: int) -> list[tuple[str, Font]]:
    """A line as pieces with a font that has their glyphs; what no font has is put in ASCII, as near as that comes.

    Args:
        text: One line.
        size: Height of the letters in pixels.
    """
    lost = {character for character in set(text) if font_for(character) is None}
    shown = "".join(as_ascii(character) if character in lost else character for character in text)
    pieces = [(name, "".join(characters)) for name, characters in groupby(shown, lambda character: font_for(character) or "")]
    fonts = ((piece, load_font(name, size)) for name, piece in pieces)
    return [(piece, font) for piece, font in fonts if font is not None]


def as_ascii(character: str) -> str:
    """The ASCII letters that a character is made of, else a question mark."""
    return unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode("ascii") or "?"


def text_width(text: str, size: int) -> float:
    """Width of a line in pixels."""
    return float(sum(font.getlength(piece) for piece, font in runs(text, size)))


def write(
    pen: ImageDraw.ImageDraw, corner: tuple[float, float], text: str, size: int, colour: Colour, *, shadow: int = 0
) -> None:
    """Write a line, all its fonts on one baseline.

    Args:
        pen: What draws.
        corner: Top-left xy of the line.
        text: One line.
        size: Height of the letters in pixels.
        colour: Of the letters.
        shadow: Width of a dark rim round them, in pixels.
    """
    x, baseline = corner[0], corner[1] + size
    for piece, font in runs(text, size):
        pen.text((x, baseline), piece, fill=colour, font=font, anchor="ls", stroke_width=shadow, stroke_fill=SHADOW)
        x += font.getlength(piece)


def wrap(text: str, size: int, width: float) -> list[str]:
    """Text broken into lines of at most a width in pixels: at spaces, and inside a word that alone is too long."""
    lines: list[str] = []
    for paragraph in text.splitlines() or [""]:
        line = ""
        for word in paragraph.split():
            longer = f"{line} {word}" if line else word
            if text_width(longer, size) <= width:
                line = longer
                continue
            if line:
                lines.append(line)
            line = word
            while text_width(line, size) > width and len(line) > 1:
                cut = next(n for n in range(len(line) - 1, 0, -1) if n == 1 or text_width(line[:n], size) <= width)
                lines.append(line[:cut])
                line = line[cut:]
        lines.append(line)
    return lines


def shorten(text: str, size: int, width: float) -> str:
    """The text, or as much of it as fits a width in pixels with three dots behind."""
    text = " ".join(text.split())[:1000]
    if text_width(text, size) <= width:
        return text
    while text and text_width(f"{text}...", size) > width:
        text = text[: max(len(text) * 9 // 10, len(text) - 8)] if len(text) > 1 else ""
    return f"{text.rstrip()}..."


def value_text(measurement: Measurement) -> str:
    """``"82.4 ± 1.2 mm"``; without the spread where there is none, ``"absent"`` without a value."""
    value, spread, unit = measurement.value, measurement.spread, measurement.unit
    if value is None or not math.isfinite(value):
        return "absent"
    decimals = DECIMALS.get(unit, 1)
    number = f"{value:.{decimals}f}"
    if spread is not None and math.isfinite(spread):
        number = f"{number} ± {spread:.{decimals}f}"
    return f"{number} {UNITS.get(unit, unit)}"
