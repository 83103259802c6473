"""Bits that one choice tells about another thing, set against what chance alone makes it tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

NUM_SHUFFLES = 200


@dataclass(frozen=True)
class Information:
    """Mutual information of a choice and a label, in bits.

    Args:
        bits: Adjusted for chance: 0 on average where choice and label have nothing to do with each other, ``entropy`` where the
            choice gives the label away. It may fall a little below 0.
        counted: As the counts have it, which is never below 0, and too large in a small sample.
        chance: Mean of that over shuffles of the labels.
        p_value: Share of the shuffles that reach ``counted``, which counts as one of them (Phipson and Smyth 2010).
        entropy: Of the label: what there is to tell.
    """

    bits: float
    counted: float
    chance: float
    p_value: float
    entropy: float


def entropy(counts: Float[np.ndarray, "..."]) -> float:
    """Entropy in bits of what was counted (Shannon 1948)."""
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log2(shares)).sum()) + 0.0


def mutual_information(table: Float[np.ndarray, "g c"]) -> float:
    """Mutual information in bits of the rows and the columns of a table of counts."""
    return max(entropy(table.sum(1)) + entropy(table.sum(0)) - entropy(table), 0.0)


def information(
    counts: Float[np.ndarray, "u c"],
    labels: Sequence[str],
    *,
    strata: Sequence[int] | None = None,
    num_shuffles: int = NUM_SHUFFLES,
    seed: int = 0,
) -> Information:
    """What the choices made in a unit tell about its label.

    Choices of one unit are no independent draws, so whole units change their labels in a shuffle, and each counts alike,
    however many choices it holds. The adjustment is that of Vinh et al. (JMLR 2010, eq. 3) with the label's entropy as the
    greatest value.

    Args:
        counts: How often each choice was made in each unit, ``(U, C)``.
        labels: Of each unit, ``(U,)``.
        strata: Units change labels only with units of the same number, ``(U,)``; with all when None.
        num_shuffles: How many times the labels are shuffled.
        seed: Of NumPy's default generator.

    Raises:
        ValueError: There is no unit, or one made no choice.
    """
    totals = counts.sum(1, keepdims=True)
    if not len(counts) or not totals.all():
        raise ValueError(f"every unit wants a choice, and one unit at least; got counts of shape {counts.shape}")
    _, groups = np.unique(np.array(labels), return_inverse=True)
    belongs = np.eye(groups.max() + 1)[groups]  # (U, G)
    shares = counts / totals
    stays = np.zeros(len(counts), np.int64) if strata is None else np.array(strata, np.int64)
    draw = np.random.default_rng(seed)
    order = np.argsort(stays, kind="stable")
    shuffled = []
    for _ in range(num_shuffles):
        taken = np.empty_like(order)
        taken[order] = np.lexsort((draw.random(len(order)), stays))
        shuffled.append(mutual_information(belongs[taken].T @ shares))
    counted, chance, told = mutual_information(belongs.T @ shares), float(np.mean(shuffled)), entropy(belongs.sum(0))
    reached = sum(value >= counted - 1e-9 for value in shuffled)
    return Information(
        bits=told * (counted - chance) / (told - chance) if told - chance > 1e-9 else 0.0,
        counted=counted,
        chance=chance,
        p_value=(1 + reached) / (1 + num_shuffles),
        entropy=told,
    )
