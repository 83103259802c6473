"""HC18's masks against its table of circumferences: ``python -m benchmarks.drawn_line --data DIR``.

No model is asked. The masks hold the outer half of a drawn line, whose middle the table follows. The width of that half is
fitted on train, in pixels of the published images; the circumference is read with it and without it on every split. Writes
``benchmarks/results/drawn-line.json`` and prints a table.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Bool

from benchmarks.cards import write_card
from benchmarks.provenance import RESULTS, provenance
from benchmarks.tables import drawn_line_table
from umind.data.adapters.hc18 import HC18
from umind.geometry.ellipse import Ellipse, ellipse_of_mask
from umind.protocols import measure
from umind.schema.sample import Sample, Split

PUBLISHED_WIDTH = 800
"""Columns of the published images (van den Heuvel et al. 2018); copies may be smaller."""
SPLITS: tuple[Split, ...] = ("train", "val", "test")


def main(arguments: Sequence[str] | None = None) -> None:
    """Fit on train, read on every split, write, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drawn_line", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder to write to")
    options = parser.parse_args(arguments)
    heads = {split: list(HC18(options.data / "HC18", splits=(split,))) for split in SPLITS}
    half = float(np.mean([half_line(sample) for sample in heads["train"]]))
    card: dict[str, Any] = provenance() | {"model": "HC18's masks", "half_line_published_px": half}
    card["splits"] = [errors(split, way, heads[split], half) for split in SPLITS for way in WAYS]
    path = write_card(options.results, "drawn-line", card)
    print(f"{drawn_line_table(card)}\n\nwritten: {path}")


def published(sample: Sample) -> float:
    """Pixels of this copy in one pixel of the published image."""
    return sample.image.width / PUBLISHED_WIDTH


def half_line(sample: Sample) -> float:
    """Published pixels by which the mask reaches beyond the table's ellipse: its outline is longer by 2 pi times as much."""
    assert sample.image.spacing
    circumference = sample.measurements["head circumference"] / sample.image.spacing.dx
    drawn = ellipse_of_mask(sample.structures[0].masks[0]).circumference
    return (drawn - circumference) / (2 * math.pi) / published(sample)


def by_contour(sample: Sample, half: float) -> Ellipse:
    """Ellipse fitted to the centres of the mask's outermost pixels."""
    return fitted(sample.structures[0].masks[0])


def by_moments(sample: Sample, half: float) -> Ellipse:
    """Ellipse with the mask's second moments, as the protocol has it."""
    return ellipse_of_mask(sample.structures[0].masks[0])


def without_line(sample: Sample, half: float) -> Ellipse:
    """The same without the outer half of the line."""
    ellipse, less = by_moments(sample, half), half * published(sample)
    return replace(ellipse, semi_major=ellipse.semi_major - less, semi_minor=ellipse.semi_minor - less)


WAYS = {
    "contour through pixel centres": by_contour,
    "moments of the mask": by_moments,
    "moments, less half the line": without_line,
}


def fitted(mask: Bool[np.ndarray, "h w"]) -> Ellipse:
    """Least-squares ellipse of a contour (OpenCV)."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    (x, y), (minor, major), degrees = cv2.fitEllipse(max(contours, key=len))
    return Ellipse(x + 0.5, y + 0.5, major / 2, minor / 2, math.remainder(math.radians(degrees + 90), math.pi))


def errors(split: Split, way: str, samples: Sequence[Sample], half: float) -> dict[str, Any]:
    """Mean absolute error, bias and standard deviation of the circumference in mm."""
    found = []
    for sample in samples:
        ellipse = WAYS[way](sample, half)
        read = measure("head circumference", masks={"fetal head": ellipse}, spacing=sample.image.spacing)
        assert read.value is not None
        found.append(read.value - sample.measurements["head circumference"])
    wrong = np.array(found)
    figures = {"mae": float(abs(wrong).mean()), "bias": float(wrong.mean()), "sd": float(wrong.std(ddof=1))}
    return {"split": split, "way": way, "num": len(wrong), **figures}


if __name__ == "__main__":
    main()
