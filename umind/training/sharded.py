"""Weights that lie in shards on many devices (FSDP2)."""

from __future__ import annotations

from functools import partial
from typing import Any, cast

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.strategies import ModelParallelStrategy
from torch import nn
from torch.distributed.fsdp import FSDPModule, fully_shard

from umind.training.module import UMindModule, words_of


class ShardedStrategy(ModelParallelStrategy):
    """Shards a `UMindModule` over all processes, as ``Trainer(strategy=ShardedStrategy(), ...)`` or ``configs/fsdp.yaml``.

    The module gets the hook in which Lightning wants it done here, and has none by itself: Lightning's weight averaging warns
    of every module with that hook.

    Args:
        process_group_backend: How processes talk; torch's choice for the device when None.
    """

    def __init__(self, process_group_backend: str | None = None) -> None:
        super().__init__(tensor_parallel_size=1, process_group_backend=process_group_backend)

    def setup_environment(self) -> None:
        """Take all processes for the data; what Lightning takes by itself is one for each machine."""
        self._data_parallel_size = self.num_nodes * self.num_processes
        super().setup_environment()

    def connect(self, model: LightningModule) -> None:
        """Meet the module."""
        assert isinstance(model, UMindModule)
        if model.model.quantised is not None:
            raise ValueError(f"weights in {model.model.quantised} are not sharded: take `strategy: ddp`, with all on every GPU")
        cast(Any, model).configure_model = partial(shard, model)
        super().connect(model)


def shard(module: UMindModule) -> None:
    """Shard every layer of the language model, and all else together; gradients come together on the way back."""
    model = module.model
    if module.device_mesh is None or isinstance(model, FSDPModule):
        return
    nn.Module.to(model, memory_format=torch.contiguous_format)  # shards have no other
    mesh = module.device_mesh["data_parallel"]
    for layer in words_of(model).layers:
        fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)
