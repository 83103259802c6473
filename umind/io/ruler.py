"""Scale from the depth ruler that a scanner drew beside the picture: a column of small marks at equal steps.

The last resort among sources of millimetres, and only when it is asked for: a picture does not say what a step stands for, and
where short ticks are too faint to be seen the step is that of the long ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from umind.geometry.overlay import opened
from umind.geometry.sector import brightest, insonified
from umind.geometry.spacing import Spacing
from umind.schema.image import UltrasoundImage

CONTRAST = 50
"""Least grey levels that a tick stands out from what is around."""
TALL, WIDE = 0.01, 0.05
"""Most that a tick is tall and wide, in longer sides of the picture; letters are taller."""
LEAST_TALL = 4
"""Ticks of so many pixels are taken in small pictures, too."""
LEAST_TICKS = 5
LEAST_STEP = 6.0
"""Pixels between ticks below which they cannot be told from texture."""
ALIGNED = 1.0
"""Pixels by which the left ends, right ends or middles of ticks may differ."""
OFF, OFF_SHARE = 0.8, 0.03
"""Pixels, or share of a step if that is more, by which a tick may be off its place."""
LOOSE, LOOSE_SHARE, MAX_ROUNDS = 1.5, 0.08, 6
"""The same while the step is being found, and rounds in which it is."""
ROUNDING = 0.29
"""Standard deviation of a place that was rounded to whole pixels."""
MOST_ERROR = 0.004
"""Standard error of the step, over the step, above which the ruler is too short to measure with."""
SURE = 0.6
"""Confidence from which a ruler is believed."""
AGREEMENT = 0.02
"""Relative difference up to which two rulers have the same step."""


@dataclass(frozen=True)
class Ruler:
    """Ticks at equal steps down a picture.

    Args:
        step: Pixels from tick to tick, long ones and short ones alike.
        rows: Middle of every tick that was seen, continuous y.
        column: Their middle, continuous x.
        confidence: From 0 to 1: the share of places that hold a tick, of marks that are at a place, of ticks that stand alone,
            and how well they keep to their places.
    """

    step: float
    rows: tuple[float, ...]
    column: float
    confidence: float

    def spacing(self, *, cm_per_tick: float = 1.0) -> Spacing:
        """Millimetres per pixel, pixels taken to be square.

        Args:
            cm_per_tick: What a step stands for.

        Raises:
            ValueError: It is not positive.
        """
        return Spacing.of(10 * cm_per_tick / self.step)


def read_ruler(image: UltrasoundImage, *, cm_per_tick: float = 1.0) -> tuple[Spacing, float] | None:
    """Spacing from the ruler of a picture with its confidence, or None where no ruler is seen surely enough.

    Args:
        image: A picture with its surround.
        cm_per_tick: What the step between neighbouring ticks stands for, long ones and short ones alike: 0.5 where every
            centimetre has a long tick and every half a short one.

    Returns:
        Spacing in millimetres, equal in x and y, and the confidence from 0 to 1.

    Raises:
        ValueError: The step is not positive.
    """
    ruler = find_ruler(image.pixels)
    return (ruler.spacing(cm_per_tick=cm_per_tick), ruler.confidence) if ruler else None


def calibrated_by_ruler(image: UltrasoundImage, *, cm_per_tick: float = 1.0) -> UltrasoundImage:
    """The picture with the scale of its ruler, or as it is where no ruler is seen surely enough.

    Raises:
        ValueError: The step is not positive.
    """
    reading = read_ruler(image, cm_per_tick=cm_per_tick)
    if reading is None:
        return image
    spacing, confidence = reading
    note = f"ruler ticks of {cm_per_tick:g} cm, confidence {confidence:.2f}; pixels taken to be square"
    return replace(image, spacing=spacing, calibration="ruler", regions=(), notes=(*image.notes, note))


def find_ruler(pixels: UInt8[np.ndarray, "h w *c"]) -> Ruler | None:
    """The ruler that is seen most surely; None when there is none, or when two disagree.

    Args:
        pixels: Picture with its surround.
    """
    grey = brightest(pixels)
    marks = (grey.astype(np.int16) - opened(grey) >= CONTRAST) & ~insonified(pixels)
    ticks = small_parts(marks)
    found = [ruler for column in columns_of(ticks) if (ruler := ruler_in(column, marks)) is not None]
    found.sort(key=lambda ruler: len(ruler.rows) * ruler.confidence)
    if not found or found[-1].confidence < SURE:
        return None
    best = found[-1]
    rivals = [other for other in found if abs(other.column - best.column) > 3 and other.confidence >= SURE]
    return best if all(agree(best.step, other.step) for other in rivals) else None


def agree(step: float, other: float) -> bool:
    """True when one step is the other, or a whole number of times the other."""
    ratio = max(step, other) / min(step, other)
    return abs(ratio - round(ratio)) < AGREEMENT * ratio


def small_parts(marks: Bool[np.ndarray, "h w"]) -> Float[np.ndarray, "n 5"]:
    """Left, right, middle x, middle y and height of every mark as small as a tick."""
    _, _, stats, centres = cv2.connectedComponentsWithStats(marks.astype(np.uint8), connectivity=8)
    left, width, height = (stats[1:, column].astype(np.float64) for column in (0, 2, 3))
    parts = np.column_stack([left, left + width, centres[1:] + 0.5, height])
    longer = max(marks.shape)
    return np.asarray(parts[(height <= max(LEAST_TALL, TALL * longer)) & (width <= max(LEAST_TALL, WIDE * longer))])


def columns_of(parts: Float[np.ndarray, "n 5"]) -> Iterator[Float[np.ndarray, "k 5"]]:
    """Marks above each other, with one left end, right end or middle."""
    for alignment in range(3):
        places = parts[:, alignment]
        for place in np.unique(np.round(places)):
            column = parts[np.abs(places - place) <= ALIGNED]
            if len(column) >= LEAST_TICKS:
                yield column[np.argsort(column[:, 3])]


def ruler_in(column: Float[np.ndarray, "k 5"], marks: Bool[np.ndarray, "h w"]) -> Ruler | None:
    """The ruler among the marks of a column; None when too few of them are at equal steps, or these are too short."""
    rows = column[:, 3]
    tries = [(rows[i], rows[j] - rows[i]) for i in range(len(rows)) for j in range(i + 1, min(i + 4, len(rows)))]
    fits = [fit for start, step in tries if step >= LEAST_STEP and (fit := fitted(rows, start, step)) is not None]
    if not fits:
        return None
    step, held, error = max(fits, key=lambda fit: fit[1].sum() ** 2 / places_of(rows[fit[1]], fit[0]))
    seen, number = rows[held], int(held.sum())
    spread = step * np.sqrt((number**3 - number) / 12)
    if max(error, ROUNDING) * step / spread > MOST_ERROR * step:
        return None
    between = (rows >= seen[0]) & (rows <= seen[-1])
    shares = (
        number / places_of(seen, step),
        number / between.sum(),
        float(np.mean([stands_alone(tick, marks) for tick in column[held]])),
        1 - error / max(2 * OFF, 2 * OFF_SHARE * step),
    )
    return Ruler(float(step), tuple(seen.tolist()), float(column[held, 2].mean()), float(np.prod(shares)))


def places_of(rows: Float[np.ndarray, "k"], step: float) -> int:
    """Places for a tick from the first row to the last."""
    return round(float(rows[-1] - rows[0]) / step) + 1


def fitted(rows: Float[np.ndarray, "k"], start: float, step: float) -> tuple[float, Bool[np.ndarray, "k"], float] | None:
    """Equal steps through as many rows as possible: step, which rows are held, and their root mean square distance.

    A step from two rounded rows is good for the rows nearby only; these give a better one, which is good for more.

    Args:
        rows: Middles of marks.
        start: Row that is held.
        step: First guess.
    """
    first, held = start, np.zeros(len(rows), bool)
    for loose in (*[True] * MAX_ROUNDS, False, False):
        places = np.round((rows - first) / step)
        allowed = max(LOOSE, LOOSE_SHARE * step) if loose else max(OFF, OFF_SHARE * step)
        held = np.abs(rows - first - places * step) <= allowed
        if len(np.unique(places[held])) < (2 if loose else LEAST_TICKS):
            return None
        step, first = np.polyfit(places[held], rows[held], 1).tolist()
    return step, held, float(np.sqrt(np.mean((rows[held] - first - places[held] * step) ** 2)))


def stands_alone(tick: Float[np.ndarray, "5"], marks: Bool[np.ndarray, "h w"]) -> bool:
    """True when nothing else is drawn right beside a tick, as it is beside the parts of a letter."""
    left, right, _, middle, height = tick
    reach = round(height) + 2
    rows = slice(max(round(middle - 0.5 * height) - 1, 0), round(middle + 0.5 * height) + 1)
    beside = marks[rows, max(round(left) - reach, 0) : round(left)], marks[rows, round(right) : round(right) + reach]
    return not any(side.any() for side in beside)
