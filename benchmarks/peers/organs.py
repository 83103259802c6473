"""The organs that have a specialist: what it outlines, which sets it learns from, and how much it may see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from umind.data.store import Store
from umind.schema.sample import Split


@dataclass(frozen=True)
class Leg:
    """One training run of umind-tiny.

    Args:
        num_samples: Samples seen, of all sets together.
        shares: Share of each set that has a specialist here.
    """

    num_samples: int
    shares: Mapping[str, float]


LEGS = (
    Leg(
        42_240,
        MappingProxyType(
            {
                "BUSBRA": 0.17,
                "Dataset_BUSI_with_GT": 0.11,
                "BrEaST": 0.05,
                "HC18": 0.11,
                "MMOTU_2D": 0.13,
                "DDTI": 0.08,
                "CCAUS": 0.03,
            }
        ),
    ),
    Leg(
        41_600,
        MappingProxyType(
            {
                "BUSBRA": 0.14,
                "Dataset_BUSI_with_GT": 0.1,
                "BrEaST": 0.05,
                "HC18": 0.09,
                "MMOTU_2D": 0.11,
                "DDTI": 0.08,
                "CCAUS": 0.02,
            }
        ),
    ),
    Leg(
        52_800,
        MappingProxyType(
            {
                "BUSBRA": 0.12,
                "Dataset_BUSI_with_GT": 0.09,
                "BrEaST": 0.05,
                "HC18": 0.09,
                "MMOTU_2D": 0.1,
                "DDTI": 0.07,
                "CCAUS": 0.02,
            }
        ),
    ),
    Leg(
        51_200,
        MappingProxyType(
            {
                "BUSBRA": 0.1,
                "Dataset_BUSI_with_GT": 0.07,
                "BrEaST": 0.04,
                "HC18": 0.07,
                "MMOTU_2D": 0.08,
                "DDTI": 0.05,
                "CCAUS": 0.02,
            }
        ),
    ),
)
"""The first four runs behind the embedded weights; the last of them taught the decoders alone. Two more taught every part
after the specialists had been trained."""


@dataclass(frozen=True)
class Organ:
    """What one specialist is for.

    Args:
        phrase: Canonical name of the structure that it outlines, all instances in one mask.
        sets: Data sets that it learns from.
    """

    phrase: str
    sets: tuple[str, ...]

    @property
    def weights(self) -> dict[str, float]:
        """Relative share of each set, as in umind-tiny's last run."""
        return {name: LEGS[-1].shares[name] for name in self.sets}

    @property
    def num_samples(self) -> int:
        """Samples of these sets that umind-tiny had seen in all its runs."""
        return round(sum(leg.num_samples * leg.shares[name] for leg in LEGS for name in self.sets))


ORGANS: Mapping[str, Organ] = MappingProxyType(
    {
        "breast": Organ("breast lesion", ("BUSBRA", "Dataset_BUSI_with_GT", "BrEaST")),
        "head": Organ("fetal head", ("HC18",)),
        "ovary": Organ("ovarian mass", ("MMOTU_2D",)),
        "thyroid": Organ("thyroid nodule", ("DDTI",)),
        "carotid": Organ("carotid artery", ("CCAUS",)),
    }
)
"""A healthy ovary is no ovarian mass: the specialist learns to leave it empty."""


def open_stores(folder: Path, names: Iterable[str], split: Split) -> list[Store]:
    """Stores of some sets.

    Raises:
        ValueError: One of them is not there.
    """
    return [Store(folder / f"{name}-{split}") for name in names]


def foreign_stores(folder: Path, organ: Organ, split: Split) -> list[Store]:
    """Stores of the other organs' sets, those that are there: the images where this organ's structure is not."""
    places = [folder / f"{name}-{split}" for other in ORGANS.values() for name in other.sets if name not in organ.sets]
    return [Store(place) for place in places if Store.finished(place)]
