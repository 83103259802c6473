"""What happens beside the steps of training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Bool, UInt8
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor
from torch.distributed.tensor import DTensor
from torch.nn import functional
from torch.utils.data import DataLoader

from umind.backbone.adapter import NAME, SECOND
from umind.data.examples import Example, task_tokens
from umind.model import UMindModel, UMindOutput
from umind.schema.batch import Batch
from umind.tokens.vocabulary import REGION_TOKENS
from umind.training.module import UMindModule

TRUTH, FOUND, LETTERS = (60, 200, 60), (255, 140, 0), (255, 255, 255)
"""RGB of the true outline, the predicted outline and the question."""


class SaveModel(Callback):
    """Writes the model as ``from_pretrained`` reads it, in bf16 safetensors with its processor, after every validation.

    ``umind validate`` writes nothing: it may be looking at fresh weights.

    Args:
        folder: Where to; inside the run's folder when relative.
        share: How much of an adapter's products is written. The weights on the way from the model to what was learnt keep
            more of what it could do, for little of the new (WiSE-FT, Wortsman et al., CVPR 2022). Parts that learn whole are
            written as they are.
    """

    def __init__(self, folder: str = "model", share: float = 1.0) -> None:
        self.folder, self.share = folder, share

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save; weight averaging has put the averaged weights in place by now."""
        if not is_training(trainer):
            return
        assert isinstance(pl_module, UMindModule)
        state = in_bfloat16(pl_module.model)  # shards come together in every process
        if not trainer.is_global_zero:
            return
        state |= {name: tensor * self.share for name, tensor in state.items() if SECOND in name}
        target = Path(trainer.default_root_dir) / self.folder
        pl_module.model.save_pretrained(target, state_dict=state)
        pl_module.processor.save_pretrained(target)


class Overlays(Callback):
    """Shows validation images in TensorBoard after every validation: green the truth, orange what the model outlines.

    Nothing of the truth helps the model here: instances are read at the peaks that it finds itself.

    Args:
        num_images: Images on the sheet, spread over the validation sets.
        columns: Images side by side.
    """

    def __init__(self, num_images: int = 12, columns: int = 4) -> None:
        self.num_images, self.columns = num_images, columns

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw; weight averaging has put the averaged weights in place by now."""
        boards = [logger for logger in trainer.loggers if isinstance(logger, TensorBoardLogger)]
        if not boards or not is_training(trainer) or not trainer.is_global_zero:
            return
        assert isinstance(pl_module, UMindModule)
        sheet = self.sheet(trainer, pl_module)
        for logger in boards:
            logger.experiment.add_image("val/overlays", sheet, trainer.global_step, dataformats="HWC")

    def sheet(self, trainer: Trainer, module: UMindModule) -> UInt8[np.ndarray, "h w 3"]:
        """Contact sheet of some validation images."""
        loaders = trainer.val_dataloaders
        assert isinstance(loaders, DataLoader)
        total = len(loaders.dataset)  # type: ignore[arg-type]
        chosen = np.unique(np.linspace(0, total - 1, min(self.num_images, total)).round().astype(int))
        examples: list[Example] = [loaders.dataset[int(index)] for index in chosen]
        batch: Batch = loaders.collate_fn(examples).to(module.device)
        with torch.inference_mode(), trainer.precision_plugin.forward_context():
            output: UMindOutput = module(batch)
        return contact_sheet(examples, output, self.columns)


def contact_sheet(examples: Sequence[Example], output: UMindOutput, columns: int) -> UInt8[np.ndarray, "h w 3"]:
    """One picture an example, row by row, each with its first region question whose phrase is there, else its first."""
    tiles, start = [], 0
    for example in examples:
        size = example.pixels.shape[0]
        queries = [b.query for b in example.blocks for token in task_tokens(b.response or "") if token in REGION_TOKENS]
        order = [k for k, truth in enumerate(example.regions) if len(truth.masks)] + list(range(len(queries)))
        nothing = np.zeros((0, size, size), bool)
        query, truth, found = "", nothing, nothing
        if order:
            query, truth = queries[order[0]], example.regions[order[0]].masks
            found = instances(output, start + order[0], size)
        tiles.append(picture(example.pixels, query, truth, found))
        start += len(queries)
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    return np.concatenate([np.concatenate(tiles[k : k + columns], 1) for k in range(0, len(tiles), columns)])


def instances(output: UMindOutput, slot: int, size: int) -> Bool[np.ndarray, "n s s"]:
    """Masks that the model stands by for one region token: none when it thinks the phrase absent."""
    regions = output.regions
    assert regions is not None
    kept = (regions.slots == slot) & (regions.scores >= 0.5) & (regions.presence[slot] > 0)
    masks = regions.masks[kept].float()[:, None]
    if not len(masks):
        return np.zeros((0, size, size), bool)
    logits = functional.interpolate(masks, (size, size), mode="bilinear")[:, 0]
    found: Bool[np.ndarray, "n s s"] = (logits > 0).cpu().numpy()
    return found


def picture(
    pixels: UInt8[np.ndarray, "s s"],
    query: str,
    truth: Bool[np.ndarray, "n s s"],
    found: Bool[np.ndarray, "m s s"],
) -> UInt8[np.ndarray, "s s 3"]:
    """A grey image with the outlines of two sets of masks, and the question on top."""
    canvas = cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB)
    for masks, colour in ((truth, TRUTH), (found, FOUND)):
        for mask in masks:
            outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
            cv2.drawContours(canvas, outlines, -1, colour, 1)
    cv2.putText(canvas, query, (4, 12), cv2.FONT_HERSHEY_PLAIN, 0.7, LETTERS, 1, cv2.LINE_AA)
    drawn: UInt8[np.ndarray, "s s 3"] = canvas
    return drawn


def is_training(trainer: Trainer) -> bool:
    """Whether this validation is a part of ``fit``, and not its check beforehand."""
    return trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking


def in_bfloat16(model: UMindModel) -> dict[str, Tensor]:
    """What ``save_pretrained`` takes of a model, with floating numbers in bf16; counters stay whole, tied weights stay tied."""
    state = model.state_dict(keep_vars=True)
    if getattr(model, "peft_config", None):
        state = {name: tensor for name, tensor in state.items() if NAME in name.split(".")}
    kept = {id(tensor): tensor.detach() for tensor in state.values()}
    whole = {place: tensor.full_tensor() if isinstance(tensor, DTensor) else tensor for place, tensor in kept.items()}
    narrow = {place: tensor.bfloat16() if tensor.is_floating_point() else tensor for place, tensor in whole.items()}
    return {name: narrow[id(tensor)] for name, tensor in state.items()}
