"""Images of every set with the true outline (green) and the predicted one (orange), on one sheet, for a person to look at.

``python -m benchmarks.contact_sheet --data DIR --out sheet.png``; phantoms only without data.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image

from umind.evaluation.interview import Portion, interview
from umind.evaluation.phantoms import FIRST_SEED, draw_phantoms
from umind.evaluation.suites import open_portions
from umind.evaluation.truth import masks_of
from umind.metrics.overlap import dice
from umind.predictor import UMindVL
from umind.schema.image import UltrasoundImage
from umind.schema.sample import Sample

TILE = 288
TRUE, PREDICTED, TEXT = (60, 220, 120), (255, 150, 30), (255, 255, 255)


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.contact_sheet", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of the data sets; phantoms only when not given")
    parser.add_argument("--split", choices=("val", "test"), default="val")
    parser.add_argument("--model", type=Path, help="folder of a model; the embedded one when not given")
    parser.add_argument("--count", type=int, default=6, help="images of each set")
    parser.add_argument("--seed", type=int, default=0, help="decides which images")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, default=Path("results/contact_sheet.png"))
    options = parser.parse_args(arguments)
    model = UMindVL.from_pretrained(options.model, device=options.device)
    first = FIRST_SEED[options.split]
    rows = [row_of(model, [s for s in draw_phantoms(range(first, first + 2 * options.count)) if s.structures][: options.count])]
    if options.data:
        portions = open_portions(options.data, options.split, limit=options.count, seed=options.seed)
        rows += [row_of(model, portion) for portion in portions.values()]
    options.out.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(sheet(rows)).save(options.out)
    print(f"written: {options.out}")


def row_of(model: UMindVL, samples: Portion | Iterable[Sample]) -> list[UInt8[np.ndarray, "t t 3"]]:
    """One tile for each image: its first structure, asked for by name; a normal image is asked for what it lacks."""

    def first(sample: Sample) -> list[str]:
        return [structure.name for structure in sample.structures[:1]] or list(sample.absent[:1])

    tiles = []
    for sample, phrase, result in interview(model, samples, first, model.segment):
        tiles.append(tile(sample, phrase, list(result.masks), result.presence))
    return tiles


def tile(
    sample: Sample, phrase: str, predicted: Sequence[Bool[np.ndarray, "h w"]], presence: float
) -> UInt8[np.ndarray, "t t 3"]:
    """An image with both outlines and a caption."""
    truth = masks_of(sample, phrase)
    image = UltrasoundImage(sample.image.pixels)
    scale = TILE / max(image.height, image.width)
    width, height = round(image.width * scale), round(image.height * scale)
    canvas = np.zeros((TILE, TILE, 3), np.uint8)
    canvas[:height, :width] = cv2.resize(image.grey, (width, height), interpolation=cv2.INTER_AREA)[..., None]
    for masks, colour in ((truth, TRUE), (predicted, PREDICTED)):
        for mask in masks:
            small = cv2.resize(mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
            lines, _ = cv2.findContours(small, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
            cv2.drawContours(canvas, lines, -1, colour, 1, cv2.LINE_AA)
    overlap = dice(union(predicted, truth.shape[1:]), union(truth, truth.shape[1:])) if len(truth) else 0.0
    there = f"dice {overlap:.2f}" if len(truth) else "absent"
    for line, words in enumerate((f"{sample.dataset}: {phrase}", f"{there}, presence {presence:.2f}")):
        place = (4, TILE - 20 + 14 * line)
        cv2.putText(canvas, words, place, cv2.FONT_HERSHEY_SIMPLEX, 0.38, (0, 0, 0), 3, cv2.LINE_AA)
        cv2.putText(canvas, words, place, cv2.FONT_HERSHEY_SIMPLEX, 0.38, TEXT, 1, cv2.LINE_AA)
    return canvas


def union(masks: Iterable[Bool[np.ndarray, "h w"]], shape: tuple[int, ...]) -> Bool[np.ndarray, "h w"]:
    """All masks in one."""
    merged = np.zeros(shape, bool)
    for mask in masks:
        merged |= mask
    return merged


def sheet(rows: Sequence[Sequence[UInt8[np.ndarray, "t t 3"]]]) -> UInt8[np.ndarray, "h w 3"]:
    """Tiles in rows; short rows are filled with black."""
    longest = max(len(row) for row in rows)
    blank = np.zeros((TILE, TILE, 3), np.uint8)
    lines = [np.concatenate([*row, *[blank] * (longest - len(row))], 1) for row in rows]
    return np.concatenate(lines)


if __name__ == "__main__":
    main()
