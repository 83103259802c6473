"""Trains a model without one region, or with all of them: ``python -m benchmarks.regions.train --without breast``.

All start from ImageNet and the same random language model, and take the same steps. Writes ``<out>/<region>/model``; with
``--without`` left out, ``<out>/whole/model``, which the others are compared with. Goes on where it was interrupted.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import yaml

from benchmarks.provenance import REPOSITORY
from benchmarks.regions.region import REGIONS, WHOLE
from umind.cli.fit import run

CONFIG = REPOSITORY / "configs" / "tiny.yaml"
STEPS = 2500


def main(arguments: Sequence[str] | None = None) -> None:
    """Train."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.regions.train", description=__doc__)
    parser.add_argument("--without", choices=tuple(REGIONS), help="region to leave out")
    parser.add_argument("--stores", type=Path, default=Path(".cache/stores"), help="what `umind data prepare` wrote")
    parser.add_argument("--out", type=Path, default=Path("runs/regions"), help="folder of the models")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"steps of 16 images (default: {STEPS})")
    options = parser.parse_args(arguments)
    run("fit", words(options.without, options.stores, options.out / (options.without or WHOLE), options.steps))


def words(without: str | None, stores: Path, folder: Path, steps: int) -> list[str]:
    """What `umind fit` is told.

    Args:
        without: Region to leave out; None for none.
        stores: Prepared data.
        folder: Where the run goes.
        steps: Steps of 16 images.
    """
    config = yaml.safe_load(CONFIG.read_text("utf-8"))
    weights: dict[str, float] = config["data"]["weights"]
    unheard: tuple[str, ...] = ()
    if without is not None:
        weights = {name: weight for name, weight in weights.items() if name not in REGIONS[without].sets}
        unheard = REGIONS[without].unheard
    checkpoints = folder / "checkpoints"
    trainer = config["trainer"]
    for logger in trainer["logger"]:
        logger["init_args"]["save_dir"] = str(folder)
    trainer["callbacks"][-1]["init_args"]["dirpath"] = str(checkpoints)
    changed = {
        "model.tokenizer": str(stores / "tokenizer"),
        "data.folder": str(stores),
        "data.weights": weights,
        "data.unheard": unheard,
        "data.num_samples": steps * config["data"]["batch_size"],
        "trainer.max_steps": steps,
        "trainer.val_check_interval": steps,
        "trainer.default_root_dir": str(folder),
        "trainer.logger": trainer["logger"],
        "trainer.callbacks": trainer["callbacks"],
    }
    last = checkpoints / "last.ckpt"
    resumed = ["--ckpt_path", str(last)] if last.exists() else []
    return ["--config", str(CONFIG), *(f"--{name}={json.dumps(value)}" for name, value in changed.items()), *resumed]


if __name__ == "__main__":
    main()
