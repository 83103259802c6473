"""Fits a model's calibration on validation images and phantoms, and writes it into the model's ``config.json``.

``python -m benchmarks.calibrate --data DIR --model DIR``
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.images import open_images
from umind.checkpoint import EMBEDDED
from umind.evaluation.calibration import fit_calibration
from umind.evaluation.phantoms import FIRST_SEED, draw_phantoms
from umind.predictor import UMindVL


def main(arguments: Sequence[str] | None = None) -> None:
    """Fit and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calibrate", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--model", type=Path, default=EMBEDDED, help="folder of a model; the embedded one when not given")
    parser.add_argument("--limit", type=int, help="most images of each set, a seeded choice")
    parser.add_argument("--phantoms", type=int, default=400, help="how many phantoms (default: 400)")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args(arguments)
    model = UMindVL.from_pretrained(options.model, device=options.device)
    images = open_images(options.data, "val", limit=options.limit)
    first = FIRST_SEED["val"]
    phantoms = draw_phantoms(range(first, first + options.phantoms))
    numbers = asdict(fit_calibration(model, images.samples, phantoms))
    write(options.model / "config.json", numbers)
    for name, value in numbers.items():
        print(f"{name:20s} {value:.6g}")


def write(path: Path, numbers: Mapping[str, float]) -> None:
    """Put the numbers into a config, and leave everything else in it as it is."""
    config = json.loads(path.read_text("utf-8"))
    config |= {name: float(f"{value:.6g}") for name, value in numbers.items()}
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    main()
