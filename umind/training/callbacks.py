"""What happens beside the steps of training."""

from __future__ import annotations

from pathlib import Path

import lightning as L
import torch


class SaveModel(L.Callback):
    """Writes the model as ``from_pretrained`` reads it, in bf16 safetensors with its processor, after every validation.

    Args:
        folder: Where to; inside the run's folder when relative.
    """

    def __init__(self, folder: str = "model") -> None:
        self.folder = folder

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Save; weight averaging has put the averaged weights in place by now."""
        if trainer.sanity_checking or not trainer.is_global_zero:
            return
        target = Path(trainer.default_root_dir) / self.folder
        weights = {name: tensor.to(torch.bfloat16) for name, tensor in pl_module.model.state_dict().items()}
        pl_module.model.save_pretrained(target, state_dict=weights)
        pl_module.processor.save_pretrained(target)
