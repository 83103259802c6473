"""The data sets by the name of their folder, and formats that a folder is known by."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from umind.data.adapters.base import Adapter
from umind.data.adapters.breast_lesions_usg import BrEaST
from umind.data.adapters.busbra import BUSBRA
from umind.data.adapters.busi import BUSI
from umind.data.adapters.camus import CAMUS
from umind.data.adapters.ccaus import CCAUS
from umind.data.adapters.coco import COCO
from umind.data.adapters.conversations import Conversations
from umind.data.adapters.cubs import CUBS
from umind.data.adapters.ddti import DDTI
from umind.data.adapters.echonet_dynamic import EchoNetDynamic
from umind.data.adapters.echovlm import EchoVLM
from umind.data.adapters.fm_uia import FMUIA
from umind.data.adapters.hc18 import HC18
from umind.data.adapters.image_mask import ImageMask
from umind.data.adapters.jnu_ifm import JNUIFM
from umind.data.adapters.liver_lesions import LiverLesions
from umind.data.adapters.mmotu import MMOTU
from umind.data.adapters.nnunet import NNUNet
from umind.data.adapters.own_folder import OwnFolder
from umind.data.adapters.pocus import POCUS
from umind.data.adapters.psfhs import PSFHS
from umind.data.adapters.tg3k import TG3K
from umind.data.adapters.tn3k import TN3K
from umind.data.adapters.u2_bench import U2Bench
from umind.data.adapters.udiat import UDIAT
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
    "UDIAT": UDIAT,
    "TN3K": TN3K,
    "PSFHS": PSFHS,
    "JNU-IFM": JNUIFM,
    "CAMUS": CAMUS,
    "EchoNet-Dynamic": EchoNetDynamic,
    "CUBS": CUBS,
    "FM_UIA": FMUIA,
}

FORMATS: tuple[type[OwnFolder], ...] = (EchoVLM, U2Bench, COCO, NNUNet, Conversations, ImageMask)
"""Formats, in the order in which a folder of any other name is tried: the widest comes last."""


def adapter_of(root: Path) -> type[Adapter] | None:
    """What reads a folder: the set whose official name it bears, else the format of its content; None when nothing does."""
    official = ADAPTERS.get(root.absolute().name)
    return official or next((kind for kind in FORMATS if root.is_dir() and kind.fits(root)), None)


def open_dataset(root: Path, splits: tuple[Split, ...] = ("train", "val", "test")) -> Adapter:
    """The data set in a folder that bears its official name, or whose content is of a known format.

    Args:
        root: Folder of the set, ``.../HC18``.
        splits: Parts to keep.

    Raises:
        ValueError: Neither name nor content is known, or its ``splits.csv`` is missing.
    """
    kind = adapter_of(Path(root))
    if kind is None:
        formats = ", ".join(known.name for known in FORMATS)
        raise ValueError(
            f"no data set is called {Path(root).name!r}; known folders are {', '.join(ADAPTERS)};"
            f" and of no known format is its content; these are {formats}"
        )
    return kind(Path(root), splits=splits)
