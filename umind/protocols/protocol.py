"""What a protocol is: its inputs, its formula, its source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from umind.protocols.given import Given
from umind.schema.result import Code, Evidence, Unit, ValidRange

Kind = Literal["mask", "frames", "points", "value", "choice"]
"""One region; a region in each frame of a cine; points; a number with a unit; one of some words, or several."""
Needs = Literal["nothing", "square pixels", "millimetres"]
"""What the formula wants to know of the pixels: without a scale, lengths and areas still stand in pixels."""
PIXELS: dict[Unit, Unit] = {"mm": "px", "mm2": "px2"}
"""Units without spacing."""


@dataclass(frozen=True, kw_only=True)
class Input:
    """One input of a protocol.

    Args:
        name: What it is called, and what a model is asked for.
        kinds: The ways to give it.
        points: Names of its points, in order; empty when any number will do.
        unit: Of a value, that of the formula's paper.
        choices: Words to choose from.
        several: More than one of them may hold.
        default: Taken when it is not given.
        optional: It may be missing.
        valid: Values that the formula holds for.
    """

    name: str
    kinds: tuple[Kind, ...]
    points: tuple[str, ...] = ()
    unit: Unit | None = None
    choices: tuple[str, ...] = ()
    several: bool = False
    default: float | str | None = None
    optional: bool = False
    valid: tuple[float, float] | None = None

    @property
    def is_required(self) -> bool:
        """Whether nothing can be measured without it."""
        return self.default is None and not self.optional

    @property
    def how(self) -> str:
        """How a person gives it."""
        ways = {
            "mask": f"masks={{{self.name!r}: a bool (H, W) array}}",
            "frames": f"masks={{{self.name!r}: a list of bool (H, W) arrays, one for each frame}}",
            "points": f"points={{{self.name!r}: [{', '.join(self.points) or 'points'}] as xy}}",
            "value": f"values={{{self.name!r}: a number in {self.unit}}}",
            "choice": f"values={{{self.name!r}: {'some' if self.several else 'one'} of {', '.join(self.choices)}}}",
        }
        return " or ".join(ways[kind] for kind in self.kinds)


@dataclass(frozen=True)
class Outcome:
    """What a formula says.

    Args:
        value: In the protocol's unit; in pixels where there is no spacing.
        evidence: The geometry that it was read from, in source pixels.
        note: What else a reader has to know.
        ranges: Where the formula holds, beyond what its inputs and value say.
    """

    value: float
    evidence: tuple[Evidence, ...] = ()
    note: str = ""
    ranges: tuple[ValidRange, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """A way to measure.

    Args:
        name: Canonical name.
        words: Phrases that name it; of several protocols the one with the longest phrase is meant.
        inputs: What it is computed from.
        formula: From the inputs, in millimetres, to the value.
        unit: Unit of the value.
        equation: The rule, with its year and reference.
        needs: What it wants to know of the pixels.
        code: Coded concept.
        valid: Values that the formula holds for.
    """

    name: str
    words: tuple[str, ...]
    inputs: tuple[Input, ...]
    formula: Callable[[Given], Outcome]
    unit: Unit
    equation: str
    needs: Needs = "nothing"
    code: Code | None = None
    valid: tuple[float, float] | None = None

    @property
    def required(self) -> tuple[Input, ...]:
        """Inputs without which nothing can be measured."""
        return tuple(entry for entry in self.inputs if entry.is_required)

    @property
    def region(self) -> Input | None:
        """The mask that alone is enough to measure; None when there is no such input."""
        required = self.required
        return required[0] if len(required) == 1 and "mask" in required[0].kinds else None

    def unit_of(self, *, calibrated: bool) -> Unit:
        """Unit of the value, with spacing or without."""
        return self.unit if calibrated else PIXELS.get(self.unit, self.unit)
