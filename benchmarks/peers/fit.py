"""Training one specialist at one rate: resumable, and as umind-tiny is trained wherever the two can be alike."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_avg_fn
from torch.utils.data import DataLoader, Dataset

from benchmarks.peers.network import build_network, pixel_values
from umind.cli.terminal import Progress
from umind.data.datamodule import single_threaded
from umind.decoders.mask.loss import mask_loss
from umind.training.module import schedule

BATCH = 16
ENCODER_RATE = 0.4
"""Peak rate of the encoder, as a share of that of the rest."""
WEIGHT_DECAY = 0.05
OUR_STEPS, OUR_WARMUP, OUR_UNAVERAGED, OUR_WINDOW = 2640, 200, 100, 500
"""Of ``configs/tiny.yaml``; a decay of 0.998 looks back over 1 / (1 - 0.998) steps."""
STEPS_BETWEEN_CHECKPOINTS = 50


@dataclass(frozen=True)
class Plan:
    """One training run.

    umind-tiny's run is longer than any of these, the shortest of which are over before its warm-up is. So warm-up and the
    window of weight averaging are the same *share* of the run as there: at its length the decay is its 0.998.

    Args:
        organ: Name of the organ.
        rate: Peak learning rate.
        num_samples: Views to learn from; what does not fill a batch is left out.
        size: Side of the model frame.
        seed: Decides weights, views and dropout.
        imagenet: Start the encoder from ImageNet.
    """

    organ: str
    rate: float
    num_samples: int
    size: int = 256
    seed: int = 0
    imagenet: bool = True

    @property
    def num_steps(self) -> int:
        """Batches."""
        return self.num_samples // BATCH

    def share(self, steps: int) -> int:
        """As many of this run's steps as some are of umind-tiny's run; not more than those."""
        return min(steps, round(steps * self.num_steps / OUR_STEPS))

    @property
    def decay(self) -> float:
        """Of the moving average of the weights."""
        return 1 - 1 / max(self.share(OUR_WINDOW), 1)


@dataclass(frozen=True)
class Task:
    """What a network learns.

    Args:
        build: Makes it; from ImageNet, or from random weights. Its encoder is called ``encoder``.
        loss: Of its output for a batch, and the truth.
    """

    build: Callable[[bool], nn.Module]
    loss: Callable[[Float[Tensor, "b ..."], Tensor], Float[Tensor, ""]]


def outline_loss(logits: Float[Tensor, "b 1 s s"], masks: Bool[Tensor, "b s s"]) -> Float[Tensor, ""]:
    """Cross-entropy and Dice loss together."""
    return sum(mask_loss(logits[:, 0], masks.float()), start=logits.new_zeros(()))


OUTLINES = Task(lambda imagenet: build_network(imagenet=imagenet), outline_loss)


class Training:
    """A network on its way.

    Args:
        plan: What to do.
        device: Where.
        task: What it learns.
    """

    def __init__(self, plan: Plan, device: str = "cpu", task: Task = OUTLINES) -> None:
        self.plan, self.device, self.task = plan, torch.device(device), task
        torch.manual_seed(plan.seed)
        self.network = task.build(plan.imagenet).to(self.device).train()
        averaging = get_ema_avg_fn(plan.decay)  # type: ignore[no-untyped-call]
        self.averaged = AveragedModel(self.network, avg_fn=averaging, use_buffers=True)
        groups: dict[tuple[bool, bool], list[torch.nn.Parameter]] = {}
        for name, parameter in self.network.named_parameters():
            groups.setdefault((name.startswith("encoder."), parameter.ndim > 1), []).append(parameter)
        self.optimizer = torch.optim.AdamW(
            [
                {
                    "params": members,
                    "peak": plan.rate * (ENCODER_RATE if encoder else 1),
                    "weight_decay": WEIGHT_DECAY if decays else 0.0,
                }
                for (encoder, decays), members in groups.items()
            ],
            betas=(0.9, 0.98),
        )
        self.step, self.seconds = 0, 0.0

    def learn(self, pixels: UInt8[Tensor, "b s s"], truth: Tensor) -> float:
        """One step on a batch; its dropout depends on the seed and the step alone, so that resuming changes nothing.

        Returns:
            The task's loss.
        """
        torch.manual_seed(self.plan.seed * 1_000_000 + self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * schedule(self.step, self.plan.share(OUR_WARMUP), self.plan.num_steps)
        with torch.autocast(self.device.type, torch.bfloat16):
            logits = self.network(pixel_values(pixels.numpy()).to(self.device))
        loss = self.task.loss(logits.float(), truth.to(self.device))
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.step += 1
        if self.step > self.plan.share(OUR_UNAVERAGED):
            self.averaged.update_parameters(self.network)
        return loss.item()

    def save(self, path: Path) -> None:
        """Write a checkpoint; one that is cut off never takes the place of a whole one."""
        path.parent.mkdir(parents=True, exist_ok=True)
        state = {
            "plan": asdict(self.plan),
            "step": self.step,
            "seconds": self.seconds,
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        unfinished = path.with_suffix(".part")
        torch.save(state, unfinished)
        unfinished.replace(path)

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint.

        Raises:
            ValueError: It belongs to another plan.
        """
        state = torch.load(path, map_location=self.device, weights_only=True)
        if state["plan"] != asdict(self.plan):
            raise ValueError(f"{path} is a checkpoint of {state['plan']}, wanted is one of {asdict(self.plan)}: remove it")
        self.network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds = state["step"], state["seconds"]


def fit(
    plan: Plan, views: Dataset[Any], checkpoint: Path, *, device: str = "cpu", num_workers: int = 1, task: Task = OUTLINES
) -> Training:
    """Train, from the checkpoint on where there is one.

    Args:
        plan: What to do.
        views: What to learn from: grey model frames, each with its truth.
        checkpoint: File to save to, and to go on from.
        device: Where to run.
        num_workers: Processes that prepare views; the stream is the same for any number.
        task: What to learn.

    Returns:
        The finished training, its averaged weights in evaluation mode.

    Raises:
        ValueError: There is not one batch, or the checkpoint belongs to another plan.
    """
    if plan.num_steps < 1:
        raise ValueError(f"{plan.num_samples} samples do not fill a batch of {BATCH}")
    training = Training(plan, device, task)
    if checkpoint.exists():
        training.resume(checkpoint)
    loader: DataLoader[Any] = DataLoader(
        views,
        batch_size=BATCH,
        sampler=range(training.step * BATCH, plan.num_steps * BATCH),
        num_workers=num_workers,
        worker_init_fn=single_threaded,
    )
    bar, start = Progress(plan.num_steps), time.perf_counter()
    for pixels, truth in loader:
        loss = training.learn(pixels, truth)
        bar.show(training.step)
        if training.step % STEPS_BETWEEN_CHECKPOINTS == 0 or training.step == plan.num_steps:
            now = time.perf_counter()
            training.seconds, start = training.seconds + now - start, now
            training.save(checkpoint)
            bar.clear()
            pace = f"{training.seconds / training.step:.2f} s a step"
            print(f"{plan.organ}, rate {plan.rate:g}: step {training.step} of {plan.num_steps}, loss {loss:.3f}, {pace}")
    training.averaged.eval()
    return training
