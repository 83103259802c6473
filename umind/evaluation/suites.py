"""The suites by name, and the samples that they are run on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any

from umind.data.adapters.registry import ADAPTERS, open_dataset
from umind.data.adapters.splits import TABLE
from umind.evaluation.card import to_card
from umind.evaluation.detection import evaluate_detection
from umind.evaluation.diagnosis import evaluate_diagnosis
from umind.evaluation.interview import Portion
from umind.evaluation.keypoints import evaluate_keypoints
from umind.evaluation.measurement import evaluate_measurement
from umind.evaluation.presence import evaluate_presence
from umind.evaluation.report import evaluate_report
from umind.evaluation.segmentation import evaluate_segmentation
from umind.evaluation.verbs import Verbs
from umind.evaluation.vqa import evaluate_vqa
from umind.evaluation.wording import evaluate_wording
from umind.schema.sample import Sample, Split

SUITES: Mapping[str, Callable[[Verbs, Iterable[Sample]], Sequence[object]]] = MappingProxyType(
    {
        "segmentation": evaluate_segmentation,
        "detection": evaluate_detection,
        "keypoints": evaluate_keypoints,
        "presence": evaluate_presence,
        "diagnosis": evaluate_diagnosis,
        "measurement": evaluate_measurement,
        "report": evaluate_report,
        "vqa": evaluate_vqa,
        "wording": evaluate_wording,
    }
)
WORDS = ("report", "vqa", "wording")
"""Suites that take many passes an image: they write, or ask twenty times."""
GROUPS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "all": tuple(SUITES),
        "images": tuple(name for name in SUITES if name not in WORDS),
        "words": WORDS,
        **{name: (name,) for name in SUITES},
    }
)
"""Suites to run by one name."""


class Together:
    """Several portions one after the other; they can be walked many times."""

    def __init__(self, portions: Sequence[Iterable[Sample]]) -> None:
        self.portions = portions

    def __iter__(self) -> Iterator[Sample]:
        return chain.from_iterable(self.portions)


def open_portions(
    folder: Path,
    split: Split,
    *,
    limit: int | None = None,
    seed: int = 0,
    without: Mapping[str, Collection[str]] = MappingProxyType({}),
) -> dict[str, Portion]:
    """A split of every known data set with a table of splits in a folder, or of the data set that the folder is.

    Sets without that split are left out.

    Args:
        folder: Holds folders with the sets' official names, or is a data set of any known format.
        split: Which part.
        limit: Most images of each set, a seeded choice; all when None.
        seed: Decides which.
        without: Keys of images that are left out before the choice, by the name of the set's folder.

    Raises:
        ValueError: There is neither.
    """
    found = {name: open_dataset(folder / name, (split,)) for name in ADAPTERS if (folder / name / TABLE).is_file()}
    if not found:
        found = {folder.name: open_dataset(folder, (split,))}
    portions = {}
    for name, adapter in found.items():
        num_all = len(adapter)
        adapter.records = tuple(record for record in adapter.records if record.key not in without.get(name, ()))
        if len(adapter):
            portions[name] = Portion(adapter, limit, seed, num_left_out=num_all - len(adapter))
    return portions


def run_suites(model: Verbs, samples: Iterable[Sample], suites: Sequence[str] = tuple(SUITES)) -> dict[str, Any]:
    """Scores of some suites as a card.

    Args:
        model: What to score.
        samples: They must be walkable once for each suite.
        suites: Names of `SUITES`.

    Raises:
        ValueError: There is no suite of that name.
    """
    unknown = [name for name in suites if name not in SUITES]
    if unknown:
        raise ValueError(f"no suite is called {unknown[0]!r}; there are {', '.join(SUITES)}")
    return {name: to_card(SUITES[name](model, samples)) for name in suites}
