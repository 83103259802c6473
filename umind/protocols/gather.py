"""What a person or a model gives, checked and brought into the form that a formula reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from umind.geometry.ellipse import Ellipse
from umind.geometry.spacing import Spacing
from umind.protocols.given import Given
from umind.protocols.outline import Mask, Outline, Shape
from umind.protocols.protocol import Input, Protocol
from umind.schema.errors import MissingInputError
from umind.schema.result import Keypoints, Measurement

Region = Mask | Ellipse | Shape | None
Masks = Mapping[str, Region | Sequence[Region]]
"""By name of the input; None or an empty mask says that the structure is absent."""
Points = Mapping[str, Sequence[Sequence[float]] | Float[np.ndarray, "k 2"] | Keypoints]
Values = Mapping[str, float | tuple[float, float] | Measurement | str | Sequence[str]]
"""A number in the unit of its input, a number with its standard deviation, a measurement, or words to choose."""


class AbsentError(Exception):
    """A structure to measure is not in the image."""


def gather(protocol: Protocol, masks: Masks, points: Points, values: Values, spacing: Spacing | None) -> Given:
    """The inputs of a protocol.

    Args:
        protocol: What is measured.
        masks: Regions by name of the input, in source pixels; a sequence of them where the protocol wants frames.
        points: Points by name of the input, xy in source pixels.
        values: Numbers and words by name of the input.
        spacing: Millimetres per pixel.

    Raises:
        AbsentError: A structure is absent.
        MissingInputError: An input is missing.
        ValueError: A name is no input of the protocol, or what is given under it does not fit.
    """
    check_names(protocol, (*masks, *points, *values))
    shapes, placed, numbers, chosen, covariances, deviations = {}, {}, {}, {}, {}, {}
    for entry in protocol.inputs:
        name = entry.name
        if name in points:
            placed[name], blocks = points_of(entry, points[name])
            covariances.update({} if blocks is None else {name: blocks})
        elif name in masks:
            shapes[name] = shapes_of(entry, masks[name], spacing)
        elif "choice" in entry.kinds and (name in values or entry.default is not None):
            chosen[name] = words_of(entry, values.get(name, entry.default))
        elif "value" in entry.kinds and (name in values or entry.default is not None):
            numbers[name], deviation = number_of(entry, values.get(name, entry.default))
            deviations.update({} if deviation is None else {name: deviation})
        elif entry.is_required:
            raise MissingInputError(f"{protocol.name} lacks {name!r}: give {entry.how}")
    return Given(spacing, shapes, placed, numbers, chosen, covariances, deviations)


def check_names(protocol: Protocol, names: Sequence[str]) -> None:
    """Refuse names that are no inputs.

    Raises:
        ValueError: A name is none of the protocol's.
    """
    known = [entry.name for entry in protocol.inputs]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"{protocol.name} takes {', '.join(map(repr, known))}, not {', '.join(map(repr, unknown))}")


def shapes_of(entry: Input, given: Region | Sequence[Region], spacing: Spacing | None) -> tuple[Shape, ...]:
    """Regions; one, or one for each frame.

    Raises:
        AbsentError: One of them is None or empty.
        ValueError: It is none, or one was given for several.
    """
    if "mask" not in entry.kinds and "frames" not in entry.kinds:
        raise ValueError(f"{entry.name!r} is no region: give {entry.how}")
    single = given is None or isinstance(given, Ellipse | Shape) or (isinstance(given, np.ndarray) and given.ndim == 2)
    if single is ("frames" in entry.kinds):
        raise ValueError(f"{entry.name!r} wants {'a region for each frame' if single else 'one region'}: give {entry.how}")
    regions = [given] if single else list(given)  # type: ignore[arg-type]
    return tuple(shape_of(entry, region, spacing) for region in regions)  # type: ignore[arg-type]


def shape_of(entry: Input, region: Region, spacing: Spacing | None) -> Shape:
    """One region."""
    if isinstance(region, Shape):
        return replace(region, outline=replace(region.outline, spacing=region.outline.spacing or spacing))
    if region is None:
        raise AbsentError(entry.name)
    if isinstance(region, Ellipse):
        return Shape(Outline(region, spacing))
    if not isinstance(region, np.ndarray) or region.dtype != np.bool_ or region.ndim != 2:
        raise ValueError(f"{entry.name!r} wants bool (H, W) arrays: give {entry.how}")
    if not region.any():
        raise AbsentError(entry.name)
    return Shape(Outline(region, spacing))


def points_of(
    entry: Input, given: Sequence[Sequence[float]] | Float[np.ndarray, "k 2"] | Keypoints
) -> tuple[Float[np.ndarray, "k 2"], Float[np.ndarray, "k 2 2"] | None]:
    """Points and, where they are known, their covariances.

    Raises:
        AbsentError: Keypoints of an absent structure.
        ValueError: Another number of points, or no points.
    """
    if "points" not in entry.kinds:
        raise ValueError(f"{entry.name!r} is given by no points: give {entry.how}")
    if isinstance(given, Keypoints) and not len(given):
        raise AbsentError(entry.name)
    array = np.asarray(given.points if isinstance(given, Keypoints) else given, np.float64)
    wanted = len(entry.points) or max(len(array), 1)
    if array.shape != (wanted, 2) or not np.isfinite(array).all():
        raise ValueError(f"{entry.name!r} wants {wanted} finite xy points, got an array of {array.shape}: give {entry.how}")
    return array, np.asarray(given.covariances, np.float64) if isinstance(given, Keypoints) else None


def number_of(entry: Input, given: object) -> tuple[float, float | None]:
    """A number in the input's unit and, where it is known, its standard deviation.

    Raises:
        AbsentError: A measurement of an absent structure.
        UncalibratedError: A measurement in pixels.
        ValueError: It is no number, or a measurement of something else.
    """
    if isinstance(given, Measurement):
        if given.value is None:
            raise AbsentError(entry.name)
        same = given.to(entry.unit) if entry.unit else given
        given = same.value if same.spread is None else (same.value, same.spread)
    numbers = given if isinstance(given, tuple) else (given,)
    if len(numbers) not in (1, 2) or not all(isinstance(one, int | float | np.number) and np.isfinite(one) for one in numbers):
        raise ValueError(f"{entry.name!r} wants a finite number, got {given!r}: give {entry.how}")
    if given is entry.default:
        return float(numbers[0]), 0.0
    return float(numbers[0]), float(numbers[1]) if len(numbers) == 2 else None


def words_of(entry: Input, given: object) -> tuple[str, ...]:
    """Words of the input's choices.

    Raises:
        ValueError: There is no such choice, or more than one where only one holds.
    """
    words = (given,) if isinstance(given, str) else tuple(given) if isinstance(given, Sequence) else ()
    if not words or not set(words) <= set(entry.choices) or (len(words) > 1 and not entry.several):
        raise ValueError(f"{entry.name!r} got {given!r}: give {entry.how}")
    return words
