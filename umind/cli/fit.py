"""``umind fit|validate|test|predict``: LightningCLI with all of its conventions."""

from __future__ import annotations

from collections.abc import Sequence

from lightning.pytorch.cli import LightningCLI

from umind.data.datamodule import MixtureData
from umind.training.module import UMindModule


def run(subcommand: str, arguments: Sequence[str]) -> None:
    """Run one LightningCLI subcommand."""
    LightningCLI(UMindModule, MixtureData, args=[subcommand, *arguments], save_config_kwargs={"overwrite": True})
