"""``umind fit|validate|test|predict``: LightningCLI with all of its conventions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lightning.pytorch.cli import LightningArgumentParser, LightningCLI

from umind.data.datamodule import MixtureData
from umind.training.module import UMindModule


class TrainingCLI(LightningCLI):
    """LightningCLI that reads a checkpoint as tensors and plain values, unless it is told ``--weights_only false``."""

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parse the words that are given; Lightning warns when the process has words of its own, as ``umind`` always has."""
        self.config = parser.parse_args(args)

    def before_instantiate_classes(self) -> None:
        """Say explicitly what torch would decide by its version: a pickle inside a checkpoint could run anything."""
        options = self.config[self.subcommand]
        if options.weights_only is None:
            options.weights_only = True


def run(subcommand: str, arguments: Sequence[str]) -> None:
    """Run one LightningCLI subcommand.

    Args:
        subcommand: ``fit``, ``validate``, ``test`` or ``predict``.
        arguments: The words after it, as ``--config configs/tiny.yaml --ckpt_path last``.
    """
    TrainingCLI(
        UMindModule,
        MixtureData,
        args=[subcommand, *arguments],
        parser_kwargs={"prog": "umind"},
        save_config_kwargs={"overwrite": True},
        auto_configure_optimizers=False,
    )
