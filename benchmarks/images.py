"""The images that a benchmark asks about: a split of the data sets, without twins of what was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.twins import TWINS, twins_of_training
from umind.evaluation.interview import Portion
from umind.evaluation.suites import Together, open_portions
from umind.schema.sample import Split


@dataclass(frozen=True, eq=False)
class Images:
    """What is asked about.

    Args:
        split: Part of the sets.
        limit: Most images of each set, a seeded choice; None for all.
        with_twins: Whether images with a near-duplicate in train are among them.
        portions: Images by set.
    """

    split: Split
    limit: int | None
    with_twins: bool
    portions: Mapping[str, Portion]

    @property
    def samples(self) -> Together:
        """All of them, set after set."""
        return Together(list(self.portions.values()))

    @property
    def facts(self) -> dict[str, object]:
        """What a card says of them."""
        return {
            "split": self.split,
            "limit": self.limit,
            "data": {name: len(portion) for name, portion in self.portions.items()},
            "left_out": {name: portion.num_left_out for name, portion in self.portions.items()},
        }


def open_images(
    folder: Path, split: Split, *, limit: int | None = None, with_twins: bool = False, table: Path = TWINS
) -> Images:
    """The images of a split.

    Args:
        folder: As in `open_portions`.
        split: Which part.
        limit: Most images of each set; all when None.
        with_twins: Keep images with a near-duplicate in train.
        table: Of near-duplicates; nothing is left out when it is not there.
    """
    without = {} if with_twins else twins_of_training(table)
    return Images(split, limit, with_twins, open_portions(folder, split, limit=limit, without=without))
