"""Trains the models that lack a region: ``python -m benchmarks.regions.train start``, then ``whole`` and each region's name.

``start`` goes from ImageNet and a random language model and sees none of the regions. The others go on from there alike:
``whole`` with all regions, each of the rest with all but the one that it is named after. So no model that lacks a region has
ever seen it. Writes ``<out>/<name>/model``. Goes on where it was interrupted.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from benchmarks.provenance import REPOSITORY
from benchmarks.regions.region import REGIONS, WHOLE
from umind.cli.fit import run

CONFIG = REPOSITORY / "configs" / "tiny.yaml"
START = "start"
LACKING: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {START: tuple(REGIONS), WHOLE: (), **{name: (name,) for name in REGIONS}}
)
"""Regions that each model is not shown."""
PHANTOMS = 0.3
"""Share of the config's phantoms that is kept: these runs are short, and it is about real organs."""
AVERAGED = 6
"""Part of a run that its averaged weights look back over: one in so many steps, as in the config."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Train."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.regions.train", description=__doc__)
    parser.add_argument("name", choices=tuple(LACKING), help="model to train")
    parser.add_argument("--stores", type=Path, default=Path(".cache/stores"), help="what `umind data prepare` wrote")
    parser.add_argument("--out", type=Path, default=Path("runs/regions"), help="folder of the models")
    parser.add_argument("--steps", type=int, help="steps of 16 images (default: 1000 for start, 400 for the others)")
    options = parser.parse_args(arguments)
    steps = options.steps or (1000 if options.name == START else 400)
    run("fit", words(options.name, options.stores, options.out, steps))


def words(name: str, stores: Path, out: Path, steps: int) -> list[str]:
    """What `umind fit` is told.

    Args:
        name: Model to train.
        stores: Prepared data.
        out: Folder of the models.
        steps: Steps of 16 images.
    """
    config = yaml.safe_load(CONFIG.read_text("utf-8"))
    lacking = [REGIONS[region] for region in LACKING[name]]
    unseen = {place for region in lacking for place in region.sets}
    weights: dict[str, float] = {
        place: weight * (PHANTOMS if place.startswith("phantom") else 1)
        for place, weight in config["data"]["weights"].items()
        if place not in unseen
    }
    averaging = next(
        callback["init_args"] for callback in config["trainer"]["callbacks"] if "decay" in callback.get("init_args", {})
    )
    averaging["decay"] = 1 - AVERAGED / steps
    changed = {
        **({"model.tokenizer": stores / "tokenizer"} if name == START else {"model.init": out / START / "model"}),
        "model.warmup_steps": min(config["model"]["warmup_steps"], steps // 5),
        "data.folder": stores,
        "data.weights": weights,
        "data.unheard": tuple(word for region in lacking for word in region.unheard),
        "data.num_samples": steps * config["data"]["batch_size"],
        "trainer.max_steps": steps,
        "trainer.val_check_interval": steps,
    }
    return call(CONFIG, config["trainer"], changed, out / name)


def call(config: Path, trainer: Mapping[str, Any], changed: Mapping[str, object], folder: Path) -> list[str]:
    """Words behind ``umind fit``: a config with something changed, and all that it writes in a folder.

    Args:
        config: File.
        trainer: Its trainer; its loggers and its last callback, which writes checkpoints, are moved to the folder.
        changed: Options by name.
        folder: Of the run; goes on from the checkpoint there.
    """
    checkpoints = folder / "checkpoints"
    for logger in trainer["logger"]:
        logger["init_args"]["save_dir"] = str(folder)
    trainer["callbacks"][-1]["init_args"]["dirpath"] = str(checkpoints)
    moved = {
        "trainer.default_root_dir": folder,
        "trainer.logger": trainer["logger"],
        "trainer.callbacks": trainer["callbacks"],
    }
    last = checkpoints / "last.ckpt"
    resumed = ["--ckpt_path", str(last)] if last.exists() else []
    return ["--config", str(config), *(f"--{key}={plain(value)}" for key, value in (changed | moved).items()), *resumed]


def plain(value: object) -> str:
    """A value as a word of a call; a path in quotes would be taken for a name with quotes."""
    return str(value) if isinstance(value, Path) else json.dumps(value)


if __name__ == "__main__":
    main()
