"""The specialists behind the verbs that the suites ask of a model.

A specialist is no language model: a table says which network a phrase belongs to, and every other phrase is unknown to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float
from scipy.special import expit
from torch import nn

from benchmarks.peers.network import outline
from benchmarks.peers.organs import ORGANS
from benchmarks.peers.record import FACTS, Record, read
from benchmarks.peers.validate import foreground
from umind.data.examples import MIN_PIXELS
from umind.data.wording import WORDINGS
from umind.geometry.frame import FrameMap
from umind.processor.letterbox import letterbox
from umind.schema.image import UltrasoundImage
from umind.schema.result import Detection, Segmentation
from umind.schema.serial import uniform_neighbourhood

ROUTES = {wording: name for name, organ in ORGANS.items() for wording in WORDINGS[organ.phrase]}
"""Which organ's network a phrase belongs to."""
STEP, MOST = 1 / 32, 4.0
"""Logits are told in such steps beside a border, and as this one elsewhere: they pack small, and masks differ by rounding."""


class Found(NamedTuple):
    """What a network sees in an image.

    Args:
        logits: In the model frame, one plane for each component, by falling score, ``(N, S, S)``.
        scores: Mean probability inside each component, ``(N,)``.
        presence: Probability that there is any.
    """

    logits: Float[np.ndarray, "n s s"]
    scores: Float[np.ndarray, "n"]
    presence: float


@dataclass(frozen=True, eq=False)
class Specialist:
    """One network and how to read it."""

    network: nn.Module
    record: Record

    def find(self, image: UltrasoundImage) -> tuple[Found, FrameMap]:
        """Look at an image in the network's frame."""
        square, frame = letterbox(image.grey, self.record.size)
        logits = outline(self.network, square)
        presence = self.record.presence.presence(foreground(logits))
        planes, scores = components(logits)
        return Found(coarse(planes), scores, presence), frame


def coarse(logits: Float[np.ndarray, "n s s"]) -> Float[np.ndarray, "n s s"]:
    """Logits in the middle of their step, so that none changes sides, and all alike where no neighbour has the other sign."""
    sides = np.where(logits > 0, MOST, -MOST)
    middles = np.clip((np.floor(logits / STEP) + 0.5) * STEP, -MOST, MOST)
    return np.where(uniform_neighbourhood(logits > 0), sides, middles).astype(np.float32)


def components(logits: Float[np.ndarray, "s s"]) -> tuple[Float[np.ndarray, "n s s"], Float[np.ndarray, "n"]]:
    """Connected components (8 neighbours) of the foreground, by falling score, without those too small for umind-tiny to learn.

    Returns:
        One plane for each, where the other components are turned into background, and the mean probability inside each.
    """
    _, labels, stats, _ = cv2.connectedComponentsWithStats((logits > 0).astype(np.uint8), connectivity=8)
    kept = [k for k in range(1, len(stats)) if stats[k, cv2.CC_STAT_AREA] >= MIN_PIXELS]
    scores = np.array([expit(logits[labels == k]).mean() for k in kept], np.float32)
    order = np.argsort(-scores, kind="stable")
    planes = [np.where((labels == kept[k]) | (logits <= 0), logits, -logits) for k in order]
    return np.stack(planes) if planes else np.zeros((0, *logits.shape), np.float32), scores[order]


@dataclass(eq=False)
class Seen:
    """An image with what the networks found in it so far."""

    image: UltrasoundImage
    found: dict[str, tuple[Found, FrameMap]] = field(default_factory=dict)

    @cached_property
    def nothing(self) -> tuple[Found, FrameMap]:
        """The answer to a phrase that no network knows."""
        size = 1
        frame = FrameMap.letterbox(self.image.height, self.image.width, size)
        return Found(np.zeros((0, size, size), np.float32), np.zeros(0, np.float32), 0.0), frame


class Specialists:
    """All specialists of a folder, with those verbs of `umind.evaluation.verbs.Verbs` that outlines answer.

    Args:
        folder: What ``python -m benchmarks.peers.train`` wrote, one folder an organ.
        device: Where to run.

    Raises:
        ValueError: There is no specialist in it.
    """

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        self.folder = folder
        self.by_organ = {name: Specialist(*read(folder / name, device)) for name in ORGANS if (folder / name / FACTS).is_file()}
        if not self.by_organ:
            raise ValueError(f"{folder} holds no specialist: run python -m benchmarks.peers.train")

    def encode(self, image: Sequence[UltrasoundImage], /) -> list[Seen]:
        """Nothing yet: which network has to look depends on the phrase."""
        return [Seen(item) for item in image]

    def segment(self, image: Sequence[Seen], phrase: Sequence[str], /, *, threshold: float | None = None) -> list[Segmentation]:
        """Outline the components of the foreground."""
        results = []
        for seen, words in zip(image, phrase, strict=True):
            found, frame = self._look(seen, words)
            count = num_kept(found, threshold)
            results.append(
                Segmentation(
                    found.logits[:count], frame=frame, scores=found.scores[:count], presence=found.presence, phrase=words
                )
            )
        return results

    def detect(self, image: Sequence[Seen], phrase: Sequence[str], /, *, threshold: float | None = None) -> list[Detection]:
        """Box what ``segment`` outlines."""
        return [
            Detection(result.boxes, scores=result.scores, presence=result.presence, phrase=result.phrase)
            for result in self.segment(image, phrase, threshold=threshold)
        ]

    def _look(self, seen: Seen, phrase: str) -> tuple[Found, FrameMap]:
        """Ask the network that a phrase belongs to, once for each image.

        Raises:
            ValueError: The phrase has a network, but it was not trained; an empty answer would pass for a miss.
        """
        organ = ROUTES.get(phrase.strip().casefold())
        if organ is None:
            return seen.nothing
        if organ not in self.by_organ:
            raise ValueError(f"{phrase!r} wants the specialist of {organ}, and {self.folder} holds none")
        if organ not in seen.found:
            seen.found[organ] = self.by_organ[organ].find(seen.image)
        return seen.found[organ]


def num_kept(found: Found, threshold: float | None) -> int:
    """How many components are reported: all of them, as such networks are used, or those of a threshold.

    With one, by the rule of `umind.tasks.readout.Region`: the best one and all above the threshold.

    Args:
        found: By falling score.
        threshold: Least presence and score.
    """
    if threshold is None:
        return len(found.scores)
    if found.presence < threshold:
        return 0
    return max(int((found.scores >= threshold).sum()), min(len(found.scores), 1))
