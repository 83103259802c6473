"""A measurement from masks, points and numbers, without any model."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

import numpy as np
from jaxtyping import Float

from umind.geometry.spacing import Spacing
from umind.protocols.gather import AbsentError, Masks, Points, Values, gather
from umind.protocols.given import Given
from umind.protocols.propagate import spread_of
from umind.protocols.protocol import Outcome, Protocol
from umind.protocols.registry import protocol_of
from umind.schema.errors import UncalibratedError
from umind.schema.image import CalibrationSource
from umind.schema.result import Evidence, Keypoints, Measurement, ValidRange


def measure(
    protocol: str | Protocol,
    *,
    masks: Masks = MappingProxyType({}),
    points: Points = MappingProxyType({}),
    values: Values = MappingProxyType({}),
    spacing: Spacing | float | Sequence[float] | None = None,
    square: bool = False,
    calibration: CalibrationSource | None = None,
) -> Measurement:
    """Measure by a protocol, with no model behind it.

    Args:
        protocol: Words that name one of `PROTOCOLS`, as "estimated fetal weight", or a protocol.
        masks: Regions by name of the input: a bool ``(H, W)`` array, an `Ellipse` in source pixels, or one for each frame where
            the protocol wants frames; a `Shape` where its errors are known, or its plane has a spacing of its own. None or an
            empty mask says that the structure is absent.
        points: xy in source pixels by name of the input, ``(K, 2)``, or `Keypoints`, whose covariances are used.
        values: By name of the input: a number in the unit of the input, a number with its standard deviation, a `Measurement`,
            or words of the input's choices.
        spacing: Millimetres per pixel, as ``Spacing`` or ``(dy, dx)`` or one number.
        square: Pixels are known to be square, though not how large: enough for angles and ratios.
        calibration: Where the spacing comes from; "user" when None.

    Returns:
        The value with its spread; the spread is None unless every input states an uncertainty that reaches the value, and the
        value is None when a structure is absent.

    Raises:
        MissingInputError: An input is missing; the message names it and says how to give it.
        UncalibratedError: The value cannot be had without spacing.
        ValueError: No protocol is named so, or an input does not fit.
    """
    chosen = protocol if isinstance(protocol, Protocol) else named(protocol, (*masks, *points, *values))
    size = None if spacing is None else Spacing.of(spacing)
    phrase = chosen.name if isinstance(protocol, Protocol) else protocol
    on_image = bool(masks or points)
    unit = chosen.unit_of(calibrated=size is not None or not on_image)
    source = calibration or ("none" if size is None and on_image else "user" if on_image else source_of(values))
    try:
        given = gather(chosen, masks, points, values, size)
    except AbsentError:
        return Measurement(
            None,
            unit=unit,
            spread=None,
            evidence=(),
            method=f"{chosen.name}: {chosen.equation}",
            calibration=source,
            code=chosen.code,
            presence=0.0,
            phrase=phrase,
        )
    if on_image and size is None:
        check_scale(chosen, square)
    outcome = chosen.formula(given)
    return Measurement(
        outcome.value,
        unit=unit,
        spread=spread(chosen, given),
        evidence=(*outcome.evidence, *points_shown(given)),
        method="; ".join(filter(None, (f"{chosen.name}: {chosen.equation}", outcome.note, correction(chosen, given, outcome)))),
        calibration=source,
        code=chosen.code,
        presence=1.0,
        phrase=phrase,
        ranges=ranges_of(chosen, given, outcome),
    )


def named(phrase: str, names: Sequence[str]) -> Protocol:
    """The protocol of a phrase.

    Raises:
        ValueError: No protocol is named so.
    """
    found = protocol_of(phrase, names)
    if found is None:
        raise ValueError(f"no protocol is named by {phrase!r}; umind.protocols.PROTOCOLS lists them")
    return found


def check_scale(protocol: Protocol, square: bool) -> None:
    """Refuse what pixels of unknown size or shape cannot give.

    Raises:
        UncalibratedError: Millimetres are needed, or square pixels, and not known.
    """
    if protocol.needs == "millimetres":
        raise UncalibratedError(f"{protocol.name} wants the size of the pixels: give spacing=...")
    if protocol.needs == "square pixels" and not square:
        raise UncalibratedError(
            f"{protocol.name} wants pixels known to be square: give spacing=..., or measure with square=True"
        )


def source_of(values: Values) -> CalibrationSource:
    """Calibration of the measurements that a value is computed from, when they agree; else the user's word."""
    sources = {value.calibration for value in values.values() if isinstance(value, Measurement)}
    return sources.pop() if len(sources) == 1 else "user"


def spread(protocol: Protocol, given: Given) -> float | None:
    """Standard deviation of the value; None when an input states none, or when what they state does not reach the value."""
    if not given.is_uncertain:
        return None
    return spread_of(lambda numbers: protocol.formula(given.at(numbers)).value, *given.numbers()) or None


def points_shown(given: Given) -> tuple[Evidence, ...]:
    """Points as evidence; two of them are a caliper."""
    return tuple(
        given.caliper(name) if len(placed) == 2 else keypoints(name, placed, given.covariances.get(name))
        for name, placed in given.points.items()
    )


def keypoints(name: str, placed: Float[np.ndarray, "k 2"], covariances: Float[np.ndarray, "k 2 2"] | None) -> Keypoints:
    """Points that a person placed."""
    return Keypoints(
        placed.astype(np.float32),
        names=tuple(f"{name} {number}" for number in range(1, len(placed) + 1)),
        scores=np.ones(len(placed), np.float32),
        covariances=(np.zeros((len(placed), 2, 2)) if covariances is None else covariances).astype(np.float32),
        presence=1.0,
        phrase=name,
    )


def correction(protocol: Protocol, given: Given, outcome: Outcome) -> str:
    """What the length head changed, in words."""
    plain = protocol.formula(given.drawn()).value
    factor = outcome.value / plain if plain else 1.0
    return "" if factor == 1 else f"{factor:.3f} times what the mask shows, by the length head"


def ranges_of(protocol: Protocol, given: Given, outcome: Outcome) -> tuple[ValidRange, ...]:
    """Where the formula holds, and the numbers that it was used with."""
    of_inputs = (
        ValidRange(entry.name, given.values[entry.name], *entry.valid, unit=entry.unit)
        for entry in protocol.inputs
        if entry.valid and entry.unit and entry.name in given.values
    )
    own = (ValidRange(protocol.name, outcome.value, *protocol.valid, unit=protocol.unit),) if protocol.valid else ()
    return (*of_inputs, *outcome.ranges, *own)
