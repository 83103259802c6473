"""What is chosen on validation images: the learning rate, and how sure a specialist is that its structure is there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.special import expit
from torch import nn

from benchmarks.peers.network import outline
from benchmarks.peers.views import view_of
from umind.data.store import Store
from umind.evaluation.calibration import fit_platt, to_logit
from umind.metrics.overlap import dice


@dataclass(frozen=True)
class PresenceRule:
    """From the fraction of an image that is foreground to the probability that the structure is there.

    Args:
        scale: Of the fraction's logit; negative if the images without the structure show the network more foreground.
        shift: Added to it.
    """

    scale: float
    shift: float

    def presence(self, fraction: float) -> float:
        """Probability that the structure is there."""
        return float(expit(self.scale * to_logit(np.array(fraction)) + self.shift))


def foreground(logits: Float[np.ndarray, "s s"]) -> float:
    """Mean probability of a model frame's pixels: the fraction of it that is foreground."""
    return float(expit(logits.astype(np.float64)).mean())


def mean_dice(network: nn.Module, stores: Iterable[Store], phrase: str, size: int) -> float:
    """Mean Dice over the images of some stores that show a structure, in the model frame.

    Raises:
        ValueError: None shows it.
    """
    scores = []
    for store in stores:
        for item in (store[place] for place in range(len(store))):
            pixels, mask = view_of(item, phrase, size)
            if mask.any():
                scores.append(dice(outline(network, pixels) > 0, mask))
    if not scores:
        raise ValueError(f"no validation image shows a {phrase}")
    return float(np.mean(scores))


def fit_presence(network: nn.Module, own: Iterable[Store], foreign: Iterable[Store], phrase: str, size: int) -> PresenceRule:
    """Calibrate presence as umind-tiny's is, by Platt's line.

    Args:
        network: In evaluation mode.
        own: Stores of the organ's sets.
        foreign: Stores of other organs' sets.
        phrase: Canonical name of the structure.
        size: Side of the model frame.

    Raises:
        ValueError: Nothing is known to be there, or nothing to be absent.
    """
    rows = []
    for store in (*own, *foreign):
        for item in (store[place] for place in range(len(store))):
            is_there = any(name == phrase for name, _, _ in item.facts.structures)
            if is_there or phrase in item.facts.absent:
                pixels, _ = view_of(item, phrase, size)
                rows.append((foreground(outline(network, pixels)), is_there))
    fractions, there = (np.array(column) for column in zip(*rows, strict=True))
    return PresenceRule(*fit_platt(to_logit(fractions), there))
