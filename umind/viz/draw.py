"""Drawing of results: the image with its findings, and the legend below."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from PIL import Image

from umind.geometry.caliper import Caliper
from umind.geometry.ellipse import Ellipse
from umind.schema.image import UltrasoundImage
from umind.schema.result import Analysis, Answer, Classification, Evidence, Report, Result, Segmentation
from umind.viz.canvas import MIN_WIDTH, Canvas
from umind.viz.legend import Entry, row_of, strip
from umind.viz.marks import mark
from umind.viz.palette import FINDINGS, GROUND, Colour, colours_of


def draw(image: UltrasoundImage, results: Result | Sequence[Result]) -> Image.Image:
    """Draw results over their image, with a legend strip below.

    Masks have a thin outline and a light fill, boxes strong corners, keypoints the ellipse of two standard deviations, calipers
    their ticks, measurements their value. One phrase has one colour. An image less than 640 pixels wide is enlarged to that.

    Args:
        image: What the results were read from.
        results: One result or several; an `Analysis` is drawn whole.

    Returns:
        RGB, at least 640 pixels wide; the strip has the height that its text needs.

    Raises:
        ValueError: A mask belongs to an image of another size.
    """
    entries = entries_of(results)
    shown = overlay(image, results)
    width = max(shown.width, MIN_WIDTH)
    colours = colours_of(phrases_of(entries))
    rows = [row_of(entry, colour_of(entry, colours)) for entry in entries]
    below = strip(rows, width=width, unit=width / MIN_WIDTH, name=image.name)
    page = Image.new("RGB", (width, shown.height + below.height), GROUND)
    page.paste(shown, ((width - shown.width) // 2, 0))
    page.paste(below, (0, shown.height))
    return page


def overlay(image: UltrasoundImage, results: Result | Sequence[Result]) -> Image.Image:
    """The image with its findings drawn on it and without the strip, RGB, in the image's proportions.

    Args:
        image: What the results were read from.
        results: One result or several.

    Raises:
        ValueError: A mask belongs to an image of another size.
    """
    entries = entries_of(results)
    canvas = Canvas(image)
    colours = colours_of(phrases_of(entries))
    placed: dict[int, tuple[Evidence | Entry, Colour]] = {}
    for entry in entries:
        items: Sequence[Evidence | Entry] = entry.evidence if isinstance(entry, Answer | Report) else [entry]
        for item in items:
            colour = colour_of(item, colours)
            if colour:
                placed.setdefault(id(item), (item, colour))
    # masks first, so that lines and numbers stay on top of their fill
    for item, colour in sorted(placed.values(), key=lambda pair: not isinstance(pair[0], Segmentation)):
        refuse_other_image(item, image)
        if not isinstance(item, Classification | Answer | Report):
            mark(canvas, item, colour, known=placed.keys())
    return canvas.picture()


def entries_of(results: Result | Sequence[Result]) -> list[Entry]:
    """Results one by one, an analysis taken apart, in the order given."""
    entries: list[Entry] = []
    for result in results if isinstance(results, Sequence) else [results]:
        if isinstance(result, Analysis):
            parts: Iterator[Mapping[str, Entry]] = iter(
                (result.segmentations, result.detections, result.keypoints, result.measurements, result.classifications)
            )
            entries.extend(entry for part in parts for entry in part.values())
            entries.extend([result.report] if result.report else [])
        else:
            entries.append(result)
    return entries


def phrases_of(entries: Sequence[Entry]) -> Iterator[str]:
    """The phrases of entries and of what answers and reports point at."""
    for entry in entries:
        if isinstance(entry, Answer | Report):
            yield from phrases_of(entry.evidence)
        else:
            yield entry.phrase


def colour_of(item: Evidence | Entry, colours: Mapping[str, Colour]) -> Colour | None:
    """The colour of an item's phrase; None for text."""
    if isinstance(item, Answer | Report):
        return None
    return FINDINGS[0] if isinstance(item, Caliper | Ellipse) else colours[item.phrase.casefold()]


def refuse_other_image(item: Evidence | Entry, image: UltrasoundImage) -> None:
    """Refuse masks, also those that a number was read from, of an image of another size.

    Raises:
        ValueError: Both sizes.
    """
    if isinstance(item, Segmentation):
        size = (item.frame.source_height, item.frame.source_width)
        if size != (image.height, image.width):
            raise ValueError(
                f"{item.phrase!r} is of an image of {size}, this one is {(image.height, image.width)} (rows, columns)"
            )
    elif not isinstance(item, Caliper | Ellipse):
        for part in getattr(item, "evidence", ()):
            refuse_other_image(part, image)
