"""The inputs of a formula, as numbers that can be varied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float

from umind.geometry.caliper import Caliper
from umind.geometry.spacing import Spacing
from umind.protocols.outline import Shape


@dataclass(frozen=True, eq=False)
class Given:
    """Everything that a formula may read; lengths in millimetres, in pixels without spacing.

    Args:
        spacing: Millimetres per pixel.
        shapes: Regions, one for each frame where there are several.
        points: xy in source pixels, ``(K, 2)``.
        values: Numbers, in the unit of their input.
        choices: Words.
        covariances: Of each point in source pixels squared, ``(K, 2, 2)``; no entry when nothing is known.
        deviations: Standard deviations of the values; no entry when nothing is known.
    """

    spacing: Spacing | None = None
    shapes: Mapping[str, tuple[Shape, ...]] = field(default_factory=dict)
    points: Mapping[str, Float[np.ndarray, "k 2"]] = field(default_factory=dict)
    values: Mapping[str, float] = field(default_factory=dict)
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    covariances: Mapping[str, Float[np.ndarray, "k 2 2"]] = field(default_factory=dict)
    deviations: Mapping[str, float] = field(default_factory=dict)

    def shape(self, name: str) -> Shape:
        """The region of that name."""
        return self.shapes[name][0]

    def placed(self, name: str) -> Float[np.ndarray, "k 2"]:
        """Points in millimetres."""
        scale = [self.spacing.dx, self.spacing.dy] if self.spacing else [1.0, 1.0]
        placed: Float[np.ndarray, "k 2"] = self.points[name] * scale
        return placed

    def caliper(self, name: str) -> Caliper:
        """Two points given under that name, or the longest diameter of its region, in source pixels."""
        if name not in self.points:
            return self.shape(name).longest
        (x1, y1), (x2, y2) = self.points[name].tolist()
        return Caliper((x1, y1), (x2, y2))

    def drawn(self) -> Given:
        """The same with every region as it is drawn."""
        return replace(self, shapes={name: tuple(one.drawn() for one in several) for name, several in self.shapes.items()})

    @property
    def is_uncertain(self) -> bool:
        """Whether every number states an uncertainty, and there is one."""
        known = (
            *(one.spreads is not None for several in self.shapes.values() for one in several),
            *(name in self.covariances for name in self.points),
            *(name in self.deviations for name in self.values),
        )
        return bool(known) and all(known)

    def numbers(self) -> tuple[Float[np.ndarray, "n"], Float[np.ndarray, "n n"]]:
        """All numbers in a row, and their covariance: factors of the regions' lengths, coordinates, values."""
        shapes = [one for several in self.shapes.values() for one in several]
        spreads = [np.square(one.spreads or (0.0,) * 4) for one in shapes]
        points = [self.points[name].ravel() for name in self.points]
        values = np.array(list(self.values.values()), float)
        mean = np.concatenate([np.ones(4 * len(shapes)), *points, values])
        covariance = np.zeros((len(mean), len(mean)))
        at = 4 * len(shapes)
        covariance[range(at), range(at)] = np.concatenate([*spreads, []])
        for name, placed in self.points.items():
            for block in self.covariances.get(name, np.zeros((len(placed), 2, 2))):
                covariance[at : at + 2, at : at + 2] = block
                at += 2
        covariance[range(at, len(mean)), range(at, len(mean))] = [self.deviations.get(name, 0.0) ** 2 for name in self.values]
        return mean, covariance

    def at(self, numbers: Float[np.ndarray, "n"]) -> Given:
        """The same inputs with other numbers, in the order of `numbers`."""
        rest = list(numbers)

        def take(num: int) -> list[float]:
            taken, rest[:num] = rest[:num], []
            return taken

        shapes = {name: tuple(one.wobbled(take(4)) for one in several) for name, several in self.shapes.items()}
        points = {name: np.array(take(placed.size)).reshape(placed.shape) for name, placed in self.points.items()}
        return replace(self, shapes=shapes, points=points, values={name: take(1)[0] for name in self.values})
