"""The Lightning module: one forward, one objective, one optimiser."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Float
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast

from umind import checkpoint
from umind.backbone.adapter import AdapterConfig, add_adapter
from umind.backbone.imagenet import load_imagenet_mobilenet
from umind.backbone.moe.config import MoEConfig
from umind.backbone.moe.routing import record_routing
from umind.backbone.moe.upcycle import upcycle
from umind.backbone.pixels import PixelConfig
from umind.backbone.quantized import check_bits, quantise
from umind.data.datamodule import MixtureData
from umind.decoders.decoder import InstanceSites
from umind.model import UMindConfig, UMindModel, UMindOutput
from umind.processor.processor import UMindImageProcessor, UMindProcessor
from umind.schema.batch import Batch
from umind.tokens.slots import IGNORED
from umind.training.objective import LossWeights, objective

FIRST_LAYERS = ("pixels.encoder.conv_stem", "pixels.encoder.bn1", "pixels.encoder.blocks.0", "pixels.encoder.blocks.1")


@dataclass
class Prediction(UMindOutput):
    """One pass without the truth's help; it moves itself, because Lightning's helper refuses frozen dataclasses."""

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Prediction:
        """On another device."""
        regions = self.regions
        assert regions is not None
        assert self.hidden is not None
        assert self.points is not None

        def move(value: Any) -> Any:
            if isinstance(value, Tensor):
                return value.to(device, non_blocking=non_blocking)
            return type(value)(*(move(getattr(value, field.name)) for field in fields(value)))

        return Prediction(move(self.logits), move(self.hidden), move(regions), move(self.points))


class UMindModule(LightningModule):
    """Trains every part at once.

    Args:
        tokenizer: Folder of the tokenizer of a fresh model.
        init: Folder of a model to go on from, with its tokenizer; a fresh one otherwise.
        backbone: Folder or hub id of a Qwen-VL to build a fresh model around, with its tokenizer; umind-tiny's language model
            otherwise. Training shows its vision tower the augmented frame, and not the image at full size.
        base_dtype: Floating type of a backbone's weights that stay as they are; what learns has float32.
        quantize: "nf4" for linear layers of a backbone's language model in 4 bits, beside which an adapter learns (QLoRA); with
            `pip install 'umind[quantization]'`. None keeps ``base_dtype``.
        imagenet: Start a fresh pixel encoder from ImageNet weights; around a backbone, where they are at hand.
        learning_rate: Peak rate of the parts that start fresh.
        encoder_rate: Peak rate of the pixel encoder, as a share of that.
        frozen: Parts of the model that stay as they are, by names of modules; the backward pass of the encoder's first
            layers is the dearest of all.
        adapter: Learn a low-rank adapter beside the weights and leave these as they are; what is saved is the adapter, for
            ``UMindVL.from_pretrained(adapter=...)`` or ``from_backbone(adapter=...)``. Around a Qwen-VL it holds the fresh
            parts too. None trains the weights themselves.
        adapter_init: Folder of an adapter of the same model, as an earlier stage saved it, for this one to go on from; layers
            that had no product there begin with none.
        gradient_checkpointing: Keep of each layer of the language model its input alone, and compute the rest again in the
            backward pass (Chen et al., "Training deep nets with sublinear memory cost", 2016): the same gradients from less
            memory, for one more forward pass.
        experts: Put experts into every layer of the language model, beside the dense blocks that they start from
            (`umind.backbone.moe.upcycle`). They are new, and learn also inside a part that is frozen: with ``pixels``,
            ``language``, ``regions`` and ``points`` frozen, they alone do. None for the model as it is, with or without.
        weight_decay: Of matrices and kernels; biases and norms have none.
        warmup_steps: Linear warm-up, then a cosine to a hundredth.
        loss: Weights of the losses.
    """

    def __init__(
        self,
        tokenizer: Path | None = None,
        init: Path | None = None,
        backbone: str | None = None,
        base_dtype: Literal["float32", "bfloat16"] = "float32",
        quantize: Literal["nf4"] | None = None,
        imagenet: bool = True,
        learning_rate: float = 1e-3,
        encoder_rate: float = 0.4,
        frozen: tuple[str, ...] = FIRST_LAYERS,
        adapter: AdapterConfig | None = None,
        adapter_init: Path | None = None,
        gradient_checkpointing: bool = False,
        experts: MoEConfig | None = None,
        weight_decay: float = 0.05,
        warmup_steps: int = 200,
        loss: LossWeights = LossWeights(),  # noqa: B008
    ) -> None:
        super().__init__()
        self.learning_rate, self.encoder_rate, self.weight_decay = learning_rate, encoder_rate, weight_decay
        self.warmup_steps = warmup_steps
        if backbone is None and (quantize is not None or base_dtype != "float32"):
            raise ValueError("`base_dtype` and `quantize` are of the weights of a `backbone`")
        if quantize is not None:
            check_bits(quantize)
            if adapter is None:
                raise ValueError("`quantize` wants an `adapter`: weights in 4 bits do not learn, nor are they saved")
        if init is not None:
            self.model, self.processor = checkpoint.load(init, device="cpu", dtype="float32")
        elif backbone is not None:
            self.model, self.processor = checkpoint.load_backbone(backbone, device="cpu", dtype=base_dtype, imagenet=imagenet)
        else:
            self.model, self.processor = fresh(tokenizer, imagenet=imagenet)
        self.model.train()  # a loaded one comes in evaluation mode, and Lightning would leave it there
        self.frozen = tuple(frozen)
        for name in frozen:
            for parameter in part_of(self.model, name).parameters():
                parameter.requires_grad_(False)
        if adapter is not None:
            add_adapter(self.model, adapter)
        if adapter_init is not None:
            if adapter is None:
                raise ValueError("`adapter_init` wants an `adapter` that goes on from it")
            checkpoint.go_on(self.model, adapter_init)
        if gradient_checkpointing:
            words = words_of(self.model)
            words.activation_checkpointing_enable()
            words.disable_input_require_grads()  # what does not learn needs no gradient
        if experts is not None:
            upcycle(self.model.language, experts)
        if quantize is not None:
            quantise(self.model, quantize)
        for parameter in self.model.parameters():
            if parameter.requires_grad:
                parameter.data = parameter.data.float()
        self.weights = loss.completed(MoEConfig.read(self.model.config))
        for part in (self.model.pixels, self.model.regions, self.model.points):
            part.to(memory_format=torch.channels_last)

    def setup(self, stage: str) -> None:
        """Hand the processor to the data."""
        data = getattr(self.trainer, "datamodule", None)
        if isinstance(data, MixtureData):
            data.attach(self.processor)

    def on_train_start(self) -> None:
        """Frozen parts keep their batch statistics too; Lightning has a warning for who says so earlier."""
        for name in self.frozen:
            part_of(self.model, name).eval()
        for module in self.model.modules():
            if isinstance(module, nn.BatchNorm2d) and not module.weight.requires_grad:
                module.eval()

    def forward(self, batch: Batch, sites: InstanceSites | None = None) -> UMindOutput:
        """One pass over a batch; instances are read at the peaks of the centre maps where no sites are given."""
        output: UMindOutput = self.model(
            input_ids=batch.input_ids,
            attention_mask=batch.attention_mask,
            pixel_values=batch.pixel_values.to(memory_format=torch.channels_last),
            sites=sites,
            patches=batch.patches,
        )
        return output

    def step(self, batch: Batch) -> tuple[Float[Tensor, ""], dict[str, Float[Tensor, ""]], UMindOutput]:
        """Forward pass and losses; kernels are read where the truth says."""
        with record_routing(self.model) as routings:
            output = self(batch, InstanceSites(batch.regions.slots, batch.regions.sites))
        total, parts = objective(output, batch, self.weights, routings)
        return total, parts, output

    def training_step(self, batch: Batch, batch_idx: int) -> Float[Tensor, ""]:
        """One step."""
        total, parts, _ = self.step(batch)
        self.log("train/loss", total, prog_bar=True)
        self.log_dict({f"train/{name}": value for name, value in parts.items()})
        return total

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Losses and figures on validation images."""
        self.evaluate("val", batch)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Losses and figures on test images."""
        self.evaluate("test", batch)

    def predict_step(self, batch: Batch, batch_idx: int) -> Prediction:
        """What the model finds without the truth's help."""
        output: UMindOutput = self(batch)
        return Prediction(output.logits, output.hidden, output.regions, output.points)

    def evaluate(self, part: str, batch: Batch) -> None:
        """Log losses, and the simplest figures that say how things go: Dice at true centres, presence and word accuracy."""
        total, parts, output = self.step(batch)
        regions, truth = output.regions, batch.regions
        assert regions is not None
        figures = {**parts, "loss": total}
        if (drawn := truth.drawn.bool()).any():
            masks, target = regions.masks[drawn] > 0, truth.masks[drawn] > 0.5
            overlap = 2 * (masks & target).sum((1, 2)) / (masks.sum((1, 2)) + target.sum((1, 2))).clamp(min=1)
            figures["dice_at_truth"] = overlap.mean()
        if len(truth.present):
            figures["presence_accuracy"] = ((regions.presence > 0) == truth.present.bool()).float().mean()
        answered = batch.labels != IGNORED
        figures["word_accuracy"] = (output.logits[answered].argmax(-1) == batch.labels[answered]).float().mean()
        self.log_dict({f"{part}/{name}": value for name, value in figures.items()}, batch_size=len(batch))

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """AdamW with warm-up and cosine, the encoder slower than the rest."""
        slower = {id(parameter) for parameter in part_of(self.model, "pixels.encoder").parameters()}
        groups: dict[tuple[bool, bool], list[torch.nn.Parameter]] = {}
        for parameter in self.model.parameters():
            if parameter.requires_grad:
                groups.setdefault((id(parameter) in slower, parameter.ndim > 1), []).append(parameter)
        parameters = [
            {
                "params": members,
                "lr": self.learning_rate * (self.encoder_rate if encoder else 1),
                "weight_decay": self.weight_decay if decays else 0.0,
            }
            for (encoder, decays), members in groups.items()
        ]
        optimizer = torch.optim.AdamW(parameters, betas=(0.9, 0.98))
        steps = self.trainer.estimated_stepping_batches
        rate = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: schedule(step, self.warmup_steps, steps))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": rate, "interval": "step"}}


def part_of(model: torch.nn.Module, name: str) -> torch.nn.Module:
    """A module by its name.

    Raises:
        ValueError: The model has no such part.
    """
    try:
        return model.get_submodule(name)
    except AttributeError as error:
        raise ValueError(f"the model has no part {name!r}") from error


def words_of(model: UMindModel) -> Any:
    """The language model, also where it is inside a Qwen-VL."""
    return getattr(model.language, "language_model", model.language)


def fresh(tokenizer: Path | None, *, imagenet: bool) -> tuple[UMindModel, UMindProcessor]:
    """An untrained umind-tiny with the words of a tokenizer.

    Raises:
        ValueError: There is no tokenizer.
    """
    if tokenizer is None:
        raise ValueError("a fresh model wants the folder of a tokenizer, as `umind data prepare` makes it")
    words = PreTrainedTokenizerFast.from_pretrained(tokenizer)
    model = UMindModel(UMindConfig.tiny(vocab_size=len(words)))
    if imagenet:
        load_imagenet_mobilenet(model.pixels.encoder)
    pixels = model.config.pixel_config
    assert isinstance(pixels, PixelConfig)
    return model, UMindProcessor(UMindImageProcessor(size=pixels.image_size), words, pixels.num_tokens)


def schedule(step: int, warmup: int, total: float) -> float:
    """Linear warm-up, then a cosine to a hundredth (Loshchilov & Hutter, ICLR 2017)."""
    if step < warmup:
        return (step + 1) / warmup
    done = min((step - warmup) / max(total - warmup, 1), 1)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done))
