"""The plainest ways to make words: the report of the most similar training image, and the most frequent class."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import nn
from torch.nn import functional

from benchmarks.peers.network import pixel_values
from umind.cli.terminal import Progress
from umind.data.conversation import sentences
from umind.data.examples import observe
from umind.data.labelled import Labelled
from umind.data.store import Store
from umind.processor.letterbox import letterbox
from umind.schema.image import UltrasoundImage
from umind.schema.result import Classification, Report
from umind.tasks.ask import sentence_case
from umind.tokens.vocabulary import MEAS

CLASS = "class"


class Precedents:
    """Answers with what was said of the training images, and has the verbs ``report`` and ``classify``.

    Args:
        stores: Training images with their annotation.
        encoder: The encoder of a network of `benchmarks.peers.network`, a specialist's or one that saw ImageNet alone.
        size: Side of the model frame.

    Raises:
        ValueError: The stores hold no image.
    """

    def __init__(self, stores: Sequence[Store], encoder: nn.Module, *, size: int = 256) -> None:
        self.encoder, self.size = encoder.eval(), size
        total = sum(len(store) for store in stores)
        if not total:
            raise ValueError("there is no training image to find a precedent in")
        bar, features = Progress(total), []
        self.reports: list[str] = []
        self.values: dict[tuple[str, str], Counter[str]] = {}
        for done, item in enumerate(items(stores), start=1):
            square, _ = letterbox(item.pixels, size)
            features.append(self.features(square))
            self.reports.append(report_of(item))
            for name, _, attributes in item.facts.structures:
                for key, value in attributes.items():
                    self.values.setdefault((name, key), Counter())[value] += 1
            bar.show(done)
        bar.clear()
        self.precedents = np.stack(features)

    @torch.inference_mode()
    def features(self, square: UInt8[np.ndarray, "s s"]) -> Float[np.ndarray, "d"]:
        """The encoder's deepest features, averaged over the image, of length 1."""
        deepest = self.encoder(pixel_values(square[None]).to(next(self.encoder.parameters()).device))[-1]  # (1, D, S/32, S/32)
        unit: Float[np.ndarray, "d"] = functional.normalize(deepest.mean((2, 3))[0].float(), dim=0).cpu().numpy()
        return unit

    def encode(self, image: Sequence[UltrasoundImage], /) -> list[Float[np.ndarray, "d"]]:
        """Features of each image."""
        return [self.features(letterbox(item.grey, self.size)[0]) for item in image]

    def report(self, image: Sequence[Float[np.ndarray, "d"]], /, *, threshold: float | None = None) -> list[Report]:
        """The report of the training image whose features have the largest cosine; it points at nothing."""
        texts = [self.reports[int((self.precedents @ seen).argmax())] for seen in image]
        return [
            Report(text, findings=tuple(text.split(". ")[1:]), measurements=(), evidence=(), presence=1.0) for text in texts
        ]

    def classify(
        self,
        image: Sequence[Float[np.ndarray, "d"]],
        phrase: Sequence[str],
        options: Sequence[str],
        *,
        threshold: float | None = None,
    ) -> list[Classification]:
        """The option that training images have most often, with the shares as probabilities; all alike where none has any."""
        return [self._share(words, tuple(options)) for _, words in zip(image, phrase, strict=True)]

    def _share(self, phrase: str, options: tuple[str, ...]) -> Classification:
        """Shares of the options for "breast lesion" or "margin of breast lesion"; it never looks, so it never says absent."""
        key, _, structure = phrase.rpartition(" of ")
        seen = self.values.get((structure, key or CLASS), Counter())
        counts = np.array([seen[option] for option in options], np.float32)
        shares = counts / counts.sum() if counts.any() else np.full(len(options), 1 / len(options), np.float32)
        return Classification(options, probabilities=shares, presence=1.0, label=options[int(shares.argmax())], phrase=phrase)


def items(stores: Iterable[Store]) -> Iterator[Labelled]:
    """Every image of some stores."""
    return (store[place] for store in stores for place in range(len(store)))


def report_of(item: Labelled) -> str:
    """The report that an annotation supports, without its sentences of measurements: their numbers are another patient's."""
    scene = observe(item)
    facts = item.facts
    written = sentences(facts.organ, scene.findings, scene.absent, facts.attributes).answer
    kept = [part for part in re.split(r"(?<=\.) ", written) if MEAS not in part]
    return sentence_case(re.sub(r"\[[A-Z]+\]", "", " ".join(kept)))
