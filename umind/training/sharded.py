"""Weights that lie in shards on many devices (FSDP2)."""

from __future__ import annotations

import torch
from torch import nn
from torch.distributed.fsdp import FSDPModule, fully_shard

from umind.training.module import UMindModule, words_of


class ShardedModule(UMindModule):
    """A `UMindModule` for Lightning's ``ModelParallelStrategy``, as ``Trainer(strategy=ModelParallelStrategy(), ...)`` has it.

    Apart from `UMindModule`, because Lightning's weight averaging warns of every module that shards.
    """

    def configure_model(self) -> None:
        """Shard every layer of the language model, and all else together; gradients come together on the way back."""
        if self.device_mesh is None or isinstance(self.model, FSDPModule):
            return
        nn.Module.to(self.model, memory_format=torch.contiguous_format)  # shards have no other
        mesh = self.device_mesh["data_parallel"]
        for layer in words_of(self.model).layers:
            fully_shard(layer, mesh=mesh)
        fully_shard(self.model, mesh=mesh)
