"""A finished specialist on disk: its weights and what is to be known of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import nn

from benchmarks.peers.network import build_network
from benchmarks.peers.validate import PresenceRule

WEIGHTS, FACTS = "model.safetensors", "model.json"


@dataclass(frozen=True)
class Record:
    """How a specialist came about.

    Args:
        organ: Name of the organ.
        phrase: Canonical name of what it outlines.
        size: Side of its model frame.
        seed: Of the training.
        num_samples: Views that the final run learned from.
        rate: Its learning rate.
        candidates: Mean Dice on validation images by learning rate, after a part of the samples; empty when none was chosen.
        val_dice: Of the final run.
        presence: How sure it is that the structure is there.
        seconds: Of the final run's training.
        search_seconds: Of the candidates' training.
        commit: Of this repository.
    """

    organ: str
    phrase: str
    size: int
    seed: int
    num_samples: int
    rate: float
    candidates: Mapping[str, float]
    val_dice: float
    presence: PresenceRule
    seconds: float
    search_seconds: float
    commit: str


def write(folder: Path, network: nn.Module, record: Record) -> None:
    """Write weights and facts."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, folder / WEIGHTS)
    (folder / FACTS).write_text(json.dumps(asdict(record), indent=1, allow_nan=False) + "\n", "utf-8")


def read(folder: Path, device: str = "cpu") -> tuple[nn.Module, Record]:
    """What ``write`` wrote, the network in evaluation mode.

    Raises:
        ValueError: There is no specialist.
    """
    if not (folder / FACTS).is_file():
        raise ValueError(f"no specialist in {folder}: run python -m benchmarks.peers.train --organ {folder.name}")
    facts = json.loads((folder / FACTS).read_text("utf-8"))
    network = build_network(imagenet=False)
    network.load_state_dict(load_file(folder / WEIGHTS))
    return network.to(device).eval(), Record(**{**facts, "presence": PresenceRule(**facts["presence"])})
