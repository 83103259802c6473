"""Teaches one of the models its words: ``python -m benchmarks.experts.train moe``, then ``dense``, then options of the first.

Pixel encoder and decoders are umind-tiny's and frozen, so images are looked at once, for all models and every seed; a step is
the language model's alone. All models take the same conversations in the same order at the same rate. Writes
``<out>/<name>-<seed>/model``. Goes on where it was interrupted.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.experts.arms import ARMS, build
from benchmarks.experts.stream import Conversation, Conversations, look, open_stores
from benchmarks.provenance import checksum, commit
from benchmarks.run import model_files
from umind.backbone.moe.config import MoEConfig
from umind.backbone.moe.losses import routing_losses
from umind.backbone.moe.routing import record_routing
from umind.backbone.pixels import PixelFeatures
from umind.checkpoint import EMBEDDED, save
from umind.cli.terminal import Progress
from umind.decoders.text.loss import text_loss
from umind.model import UMindModel
from umind.processor.processor import UMindProcessor
from umind.tokens.slots import IGNORED
from umind.tokens.template import Block
from umind.training.module import schedule
from umind.training.objective import LossWeights

BATCH = 16
WEIGHT_DECAY, BETAS, WARMUP = 0.05, (0.9, 0.98), 0.1
"""As umind-tiny is trained; the warm-up is a share of the run."""
STEPS_BETWEEN_CHECKPOINTS = 50


@dataclass(frozen=True)
class Plan:
    """One run.

    Args:
        arm: Key of `ARMS`.
        seed: Decides conversations and routers.
        num_steps: Steps of 16 images.
        rate: Peak learning rate.
    """

    arm: str
    seed: int
    num_steps: int
    rate: float


class Training:
    """A model on its way.

    Args:
        plan: What to do.
        model: At its start.
        processor: Of the model.
    """

    def __init__(self, plan: Plan, model: UMindModel, processor: UMindProcessor) -> None:
        self.plan, self.model, self.processor = plan, model, processor
        self.weights = LossWeights().completed(MoEConfig.read(model.config))
        learning = [parameter for parameter in model.language.parameters() if parameter.requires_grad]
        groups = [
            {"params": [p for p in learning if (p.ndim > 1) == decays], "weight_decay": WEIGHT_DECAY if decays else 0.0}
            for decays in (True, False)
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=plan.rate, betas=BETAS)
        self.step, self.seconds = 0, 0.0
        self.losses: list[float] = []

    def loss(self, tokens: Float[Tensor, "b t d"], blocks: Sequence[Sequence[Block]]) -> dict[str, Float[Tensor, ""]]:
        """Losses by the names of ``LossWeights``: of the words, and of the routers."""
        packed = self.processor.pack(blocks)
        ids, mask, labels = packed["input_ids"], packed["attention_mask"], packed["labels"]
        nothing = tokens.new_zeros(len(tokens), 0, 0, 0)
        with torch.autocast("cpu", torch.bfloat16), record_routing(self.model) as routings:
            output = self.model(ids, mask, features=PixelFeatures(nothing, nothing, tokens), decode=False)
        answered = labels != IGNORED
        text = text_loss(output.logits[answered].float(), labels[answered])
        return {"text": text, **routing_losses(routings, mask=mask)}

    def learn(self, tokens: Float[Tensor, "b t d"], blocks: Sequence[Sequence[Block]]) -> None:
        """One step on a batch."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.plan.rate * schedule(self.step, round(WARMUP * self.plan.num_steps), self.plan.num_steps)
        parts = self.loss(tokens, blocks)
        self.optimizer.zero_grad()
        torch.stack([getattr(self.weights, name) * part for name, part in parts.items()]).sum().backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.language.parameters(), 1.0)
        self.optimizer.step()
        self.step += 1
        self.losses.append(parts["text"].item())

    def save(self, path: Path) -> None:
        """Write a checkpoint; one that is cut off never takes the place of a whole one."""
        state = {
            "plan": asdict(self.plan),
            "step": self.step,
            "seconds": self.seconds,
            "losses": self.losses,
            "language": self.model.language.state_dict(),
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
        state = torch.load(path, weights_only=True)
        if state["plan"] != asdict(self.plan):
            raise ValueError(f"{path} is a checkpoint of {state['plan']}, wanted is one of {asdict(self.plan)}: remove it")
        self.model.language.load_state_dict(state["language"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds, self.losses = state["step"], state["seconds"], state["losses"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Look, train, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.experts.train", description=__doc__)
    parser.add_argument("arm", choices=tuple(ARMS), help="model to train")
    parser.add_argument("--stores", type=Path, default=Path(".cache/stores"), help="what `umind data prepare` wrote")
    parser.add_argument("--start", type=Path, default=EMBEDDED, help="folder of the dense model that all go on from")
    parser.add_argument("--out", type=Path, default=Path("runs/experts"), help="folder of the models")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=800, help="steps of 16 images (default: 800)")
    parser.add_argument("--rate", type=float, default=8e-4, help="peak learning rate (default: 8e-4)")
    options = parser.parse_args(arguments)
    plan = Plan(options.arm, options.seed, options.steps, options.rate)
    stores = open_stores(options.stores)
    model, processor = build(plan.arm, options.stores / "tokenizer", source=options.start, seed=plan.seed)
    seen = look(model, stores, options.out / f"tokens-{checksum(model_files(options.start))}")
    folder = options.out / f"{plan.arm}-{plan.seed}"
    folder.mkdir(parents=True, exist_ok=True)
    training, checkpoint = Training(plan, model, processor), folder / "last.ckpt"
    if checkpoint.exists():
        training.resume(checkpoint)
    conversations, bar, start = Conversations(stores, plan.seed), Progress(plan.num_steps), time.perf_counter()
    while training.step < plan.num_steps:
        batch = [conversations[index] for index in range(training.step * BATCH, (training.step + 1) * BATCH)]
        training.learn(tokens_of(batch, seen), [conversation.blocks for conversation in batch])
        bar.show(training.step)
        if training.step % STEPS_BETWEEN_CHECKPOINTS == 0 or training.step == plan.num_steps:
            now = time.perf_counter()
            training.seconds, start = training.seconds + now - start, now
            training.save(checkpoint)
            bar.clear()
            recent, pace = np.mean(training.losses[-STEPS_BETWEEN_CHECKPOINTS:]), training.seconds / training.step
            print(f"{folder.name}: step {training.step} of {plan.num_steps}, loss {recent:.3f}, {pace:.2f} s a step")
    save(model, processor, folder / "model")
    record = asdict(plan) | {"seconds": round(training.seconds), "commit": commit()}
    (folder / "training.json").write_text(json.dumps(record) + "\n", "utf-8")


def tokens_of(batch: Sequence[Conversation], seen: dict[str, np.ndarray]) -> Float[Tensor, "b t d"]:
    """Visual tokens of the images of a batch."""
    return torch.from_numpy(np.stack([seen[one.name][one.row] for one in batch]).astype(np.float32))


if __name__ == "__main__":
    main()
