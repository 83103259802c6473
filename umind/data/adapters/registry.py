"""The data sets by the name of their folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from umind.data.adapters.base import Adapter
from umind.data.adapters.breast_lesions_usg import BrEaST
from umind.data.adapters.busbra import BUSBRA
from umind.data.adapters.busi import BUSI
from umind.data.adapters.ccaus import CCAUS
from umind.data.adapters.ddti import DDTI
from umind.data.adapters.hc18 import HC18
from umind.data.adapters.liver_lesions import LiverLesions
from umind.data.adapters.mmotu import MMOTU
from umind.data.adapters.pocus import POCUS
from umind.data.adapters.tg3k import TG3K
from umind.data.adapters.usgra import USGRA
from umind.schema.sample import Split

ADAPTERS: Mapping[str, type[Adapter]] = {
    "BUSBRA": BUSBRA,
    "Dataset_BUSI_with_GT": BUSI,
    "BrEaST": BrEaST,
    "HC18": HC18,
    "MMOTU_2D": MMOTU,
    "DDTI": DDTI,
    "TG3K": TG3K,
    "CCAUS": CCAUS,
    "USGRA": USGRA,
    "Liver_lesions": LiverLesions,
    "POCUS": POCUS,
}


def open_dataset(root: Path, splits: tuple[Split, ...] = ("train", "val", "test")) -> Adapter:
    """The data set in a folder that bears its official name.

    Args:
        root: Folder of the set, ``.../HC18``.
        splits: Parts to keep.

    Raises:
        ValueError: No set has this name, or its ``splits.csv`` is missing.
    """
    name = Path(root).name
    if name not in ADAPTERS:
        raise ValueError(f"no data set is called {name!r}; known folders are {', '.join(ADAPTERS)}")
    return ADAPTERS[name](Path(root), splits=splits)
