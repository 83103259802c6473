"""A specialist that names classes: ``python -m benchmarks.peers.classes --stores .cache/stores --data DATA --organ ovary``.

umind-tiny's encoder from ImageNet, and one linear layer behind it. It sees as many samples of its organ as the specialist that
outlines, in like views; the rate is chosen on validation images. Training goes on where it was interrupted. Writes
``<results>/classes-<organ>-<split>.json``; a run on test adds a line to ``test_runs.csv``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import timm
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import Dataset

from benchmarks.cards import note_test_run, write_card
from benchmarks.images import open_images
from benchmarks.peers.fit import Plan, Task, fit
from benchmarks.peers.network import pixel_values
from benchmarks.peers.organs import ORGANS, open_stores
from benchmarks.provenance import RESULTS, provenance
from umind.backbone.imagenet import load_imagenet_mobilenet
from umind.data.augment import augment, build_augmentation
from umind.data.store import Store
from umind.evaluation.suites import Together, run_suites
from umind.evaluation.tables import card_tables
from umind.evaluation.verbs import Verbs
from umind.metrics.classes import macro_f1
from umind.processor.letterbox import letterbox
from umind.schema.image import UltrasoundImage
from umind.schema.result import Classification

RATES = (3e-4, 1e-3, 3e-3)
SEARCH_SHARE = 8
"""A candidate sees one in so many of the samples."""


class Namer(nn.Module):
    """Logits of classes, ``(B, C)``, of grey model frames, three times: ``(B, 3, S, S)``.

    Args:
        num_classes: How many.
        imagenet: Start the encoder from ImageNet, else from random weights.
    """

    def __init__(self, num_classes: int, *, imagenet: bool) -> None:
        super().__init__()
        self.encoder = timm.create_model("mobilenetv2_100", num_classes=0)
        if imagenet:
            load_imagenet_mobilenet(self.encoder)
        self.dropout = nn.Dropout(0.2)
        self.head = nn.Linear(self.encoder.num_features, num_classes)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, pixels: Float[Tensor, "b 3 s s"]) -> Float[Tensor, "b c"]:
        """Logits."""
        logits: Float[Tensor, "b c"] = self.head(self.dropout(self.encoder(pixels)))
        return logits


@dataclass(frozen=True, eq=False)
class Named:
    """Images of some stores whose structure has a class.

    Args:
        stores: Where they are.
        phrase: Canonical name of the structure.
    """

    stores: Sequence[Store]
    phrase: str

    @property
    def classes(self) -> list[tuple[int, int, str]]:
        """Store, place and class of each."""
        return [
            (number, place, attributes["class"])
            for number, store in enumerate(self.stores)
            for place, facts in enumerate(store.facts)
            for name, _, attributes in facts.structures
            if name == self.phrase and "class" in attributes
        ]


class NamedViews(Dataset[tuple[UInt8[np.ndarray, "s s"], int]]):
    """A seeded stream of augmented model frames with the place of their class, as `benchmarks.peers.views.Views` without masks.

    Args:
        named: What to draw from, every image alike.
        options: The classes.
        size: Side of the model frame.
        seed: Decides everything.
    """

    def __init__(self, named: Named, options: Sequence[str], *, size: int, seed: int) -> None:
        self.stores, self.size, self.seed = named.stores, size, seed
        self.items = [(number, place, options.index(kind)) for number, place, kind in named.classes]
        self.transform = build_augmentation()

    def __getitem__(self, index: int) -> tuple[UInt8[np.ndarray, "s s"], int]:
        rng = np.random.default_rng((self.seed, index))
        number, place, label = self.items[int(rng.integers(len(self.items)))]
        item = augment(self.stores[number][place], self.transform, rng)
        return letterbox(item.pixels, self.size)[0], label


class Namers:
    """A trained network behind ``classify``; it never looks whether the structure is there.

    Args:
        network: In evaluation mode.
        options: Its classes.
        size: Side of the model frame.
    """

    def __init__(self, network: nn.Module, options: Sequence[str], size: int) -> None:
        self.network, self.options, self.size = network, tuple(options), size

    def encode(self, image: Sequence[UltrasoundImage], /) -> list[Float[np.ndarray, "c"]]:
        """Probabilities of each image."""
        return [self.probabilities(letterbox(item.grey, self.size)[0]) for item in image]

    @torch.inference_mode()
    def probabilities(self, square: UInt8[np.ndarray, "s s"]) -> Float[np.ndarray, "c"]:
        """Of one model frame."""
        logits = self.network(pixel_values(square[None]).to(next(self.network.parameters()).device))[0]
        shares: Float[np.ndarray, "c"] = functional.softmax(logits.float(), 0).cpu().numpy()
        return shares

    def classify(
        self,
        image: Sequence[Float[np.ndarray, "c"]],
        phrase: Sequence[str],
        options: Sequence[str],
        *,
        threshold: float | None = None,
    ) -> list[Classification]:
        """One of its classes, which have to be the options.

        Raises:
            ValueError: They are others.
        """
        if tuple(options) != self.options:
            raise ValueError(f"the network tells {', '.join(self.options)} apart, and not {', '.join(options)}")
        return [
            Classification(
                self.options, probabilities=shares, presence=1.0, label=self.options[int(shares.argmax())], phrase=words
            )
            for shares, words in zip(image, phrase, strict=True)
        ]


def macro_f1_of(namers: Namers, named: Named) -> float:
    """Macro F1 over the images of some stores."""
    squares = ((letterbox(named.stores[number][place].pixels, namers.size)[0], kind) for number, place, kind in named.classes)
    chosen, truth = zip(
        *((int(namers.probabilities(square).argmax()), namers.options.index(kind)) for square, kind in squares), strict=True
    )
    return macro_f1(np.array(chosen), np.array(truth))


def main(arguments: Sequence[str] | None = None) -> None:
    """Choose the rate, train, score, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers.classes", description=__doc__)
    parser.add_argument("--stores", type=Path, required=True, help="folder that `umind data prepare` made")
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--organ", choices=tuple(ORGANS), default="ovary")
    parser.add_argument("--split", choices=("val", "test"), default="val")
    parser.add_argument("--samples", type=int, help="views to learn from (default: as many as umind-tiny saw)")
    parser.add_argument("--rate", type=float, nargs="+", default=RATES, help="learning rates; one alone is taken as it is")
    parser.add_argument("--size", type=int, default=256, help="side of the model frame (default: 256)")
    parser.add_argument("--random-weights", action="store_true", help="do not start from ImageNet")
    parser.add_argument("--workers", type=int, default=1, help="processes that prepare views (default: 1)")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, default=Path("runs/classes"), help="folder of the checkpoints")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder to write to")
    options = parser.parse_args(arguments)
    organ = ORGANS[options.organ]
    train, val = (Named(open_stores(options.stores, organ.sets, split), organ.phrase) for split in ("train", "val"))
    classes = sorted({kind for _, _, kind in train.classes})
    views = NamedViews(train, classes, size=options.size, seed=0)
    task = Task(lambda imagenet: Namer(len(classes), imagenet=imagenet), functional.cross_entropy)
    plan = Plan(
        options.organ, options.rate[0], options.samples or organ.num_samples, options.size, imagenet=not options.random_weights
    )

    def train_one(chosen: Plan, name: str) -> Namers:
        checkpoint = options.out / options.organ / f"{name}.ckpt"
        training = fit(chosen, views, checkpoint, device=options.device, num_workers=options.workers, task=task)
        return Namers(training.averaged.module, classes, options.size)

    candidates = options.rate if len(options.rate) > 1 else ()
    shorter = replace(plan, num_samples=plan.num_samples // SEARCH_SHARE)
    found = {rate: macro_f1_of(train_one(replace(shorter, rate=rate), f"rate-{rate:g}"), val) for rate in candidates}
    if found:
        plan = replace(plan, rate=max(found, key=lambda rate: found[rate]))
    namers = train_one(plan, "final")
    images = open_images(options.data, options.split)
    shown = Together([images.portions[name] for name in organ.sets])
    card: dict[str, Any] = provenance(options.device) | {"model": f"classes-{options.organ}"} | images.facts
    card |= {"rate": plan.rate, "num_samples": plan.num_samples, "candidates": {f"{rate:g}": f1 for rate, f1 in found.items()}}
    card |= {"val_macro_f1": macro_f1_of(namers, val)} | run_suites(cast(Verbs, namers), shown, ("diagnosis",))
    if options.split == "test":
        note_test_run(options.results / "test_runs.csv", card)
    path = write_card(options.results, f"classes-{options.organ}-{options.split}", card)
    print(f"{card_tables(card)}\n\nwritten: {path}")


if __name__ == "__main__":
    main()
