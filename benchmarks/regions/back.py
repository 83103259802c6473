"""Brings a region back from 50 images: ``python -m benchmarks.regions.back ovary --data DATA``.

Word for word the recipe of ``examples/fine_tune_own_folder.md``, on the model that `benchmarks.regions.train` kept the region
from: 50 of its training images become a folder of images and masks, that folder is prepared, and an adapter learns from it.
Writes ``<out>/<region>-back/model``. Goes on where it was interrupted.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import yaml

from benchmarks.images import open_images
from benchmarks.provenance import REPOSITORY
from benchmarks.regions.region import REGIONS, Region, back
from benchmarks.regions.train import call
from umind.cli.fit import run
from umind.data.prepare import prepare
from umind.evaluation.suites import Together
from umind.evaluation.truth import is_outlined, masks_of
from umind.schema.sample import Sample

CONFIG = REPOSITORY / "configs" / "own_folder.yaml"
NUM_IMAGES, NUM_PHANTOMS = 50, 500
"""As in the recipe."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Choose, write, prepare, train."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.regions.back", description=__doc__)
    parser.add_argument("name", choices=tuple(REGIONS), help="region to bring back")
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--out", type=Path, default=Path("runs/regions"), help="folder of the models")
    options = parser.parse_args(arguments)
    region, folder = REGIONS[options.name], options.out / back(options.name)
    portions = open_images(options.data, "train", with_twins=True).portions
    shown = [sample for sample in Together([portions[place] for place in region.sets]) if is_outlined(sample, region.phrase)]
    write_scans(shown, region, folder / "scans" / "my_scans")
    prepare(folder / "scans", folder / "stores", num_phantoms=NUM_PHANTOMS, all_sets=True)
    trainer = yaml.safe_load(CONFIG.read_text("utf-8"))["trainer"]
    changed = {"model.init": options.out / options.name / "model", "data.folder": folder / "stores"}
    run("fit", call(CONFIG, trainer, changed, folder))


def write_scans(samples: Sequence[Sample], region: Region, folder: Path) -> None:
    """Write images of a region, evenly over what there is, and their masks, as somebody's own folder has them."""
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    (folder / "labels.json").write_text(json.dumps({"255": region.phrase}), "utf-8")
    places = np.unique(np.linspace(0, len(samples) - 1, NUM_IMAGES).round().astype(int))
    for number, place in enumerate(places, start=1):
        sample = samples[place]
        mask = masks_of(sample, region.phrase).any(0)
        cv2.imwrite(str(folder / "images" / f"{number:02}.png"), sample.image.grey)
        cv2.imwrite(str(folder / "masks" / f"{number:02}.png"), mask.astype(np.uint8) * 255)


if __name__ == "__main__":
    main()
