"""What all models learn from: images with questions and answers in words, and the visual tokens of every image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType

import numpy as np
import torch
from jaxtyping import Float16
from numpy.lib.format import open_memmap

from umind.cli.terminal import Progress
from umind.data.examples import Scene, ask_in_sentences, observe
from umind.data.store import Store
from umind.model import UMindModel
from umind.processor.letterbox import letterbox, normalise
from umind.tokens.template import Block

TEXTS = "EchoVLM_text"
"""Chinese descriptions of the images of `DESCRIBED`."""
DESCRIBED = ("BUSBRA", "Dataset_BUSI_with_GT")
SHARES: Mapping[str, float] = MappingProxyType(
    {
        TEXTS: 0.34,
        "BUSBRA": 0.08,
        "Dataset_BUSI_with_GT": 0.06,
        "BrEaST": 0.12,
        "HC18": 0.06,
        "MMOTU_2D": 0.1,
        "DDTI": 0.1,
        "CCAUS": 0.04,
        "USGRA": 0.04,
        "Liver_lesions": 0.01,
        "POCUS": 0.05,
    }
)
"""Sets, and how often each is drawn."""
NUM_TURNS = 4
"""Questions to an image that has labels; one that has a text is asked for that."""
LOOKED_AT_TOGETHER = 16


@dataclass(frozen=True)
class Conversation:
    """Questions to an image, with their answers.

    Args:
        name: Set.
        row: Place of the image in its store.
        blocks: Independent of each other.
    """

    name: str
    row: int
    blocks: tuple[Block, ...]


class Conversations:
    """An endless seeded stream: conversation ``i`` depends on the seed and on ``i`` alone, and on no model.

    Args:
        stores: Training stores by set.
        seed: Decides images and questions.
    """

    def __init__(self, stores: Mapping[str, Store], seed: int) -> None:
        self.stores, self.seed = stores, seed
        self.names = [name for name in SHARES if name in stores]
        self.odds = np.array([SHARES[name] for name in self.names]) / sum(SHARES[name] for name in self.names)
        self.rows = {name: learnt_rows(stores, name) for name in self.names}

    def __getitem__(self, index: int) -> Conversation:
        rng = np.random.default_rng((self.seed, index))
        name = self.names[int(rng.choice(len(self.names), p=self.odds))]
        row = self.rows[name][rng.integers(len(self.rows[name]))]
        return Conversation(name, row, tuple(blocks_of(observe(self.stores[name][row]), rng)))


def open_stores(folder: Path) -> dict[str, Store]:
    """Training stores of the sets that are there.

    Raises:
        ValueError: None is.
    """
    found = {name: Store(folder / f"{name}-train") for name in SHARES if Store.finished(folder / f"{name}-train")}
    if not found:
        raise ValueError(f"{folder} holds no train store of {', '.join(SHARES)}: run `umind data prepare`")
    return found


def learnt_rows(stores: Mapping[str, Store], name: str) -> list[int]:
    """Images of a set that are learnt from: of texts, those whose image its own set trains on too.

    The texts have a division of their own, which moved a handful of images to the side of a near-duplicate.
    """
    keys = [facts.key for facts in stores[name].facts]
    if name != TEXTS:
        return list(range(len(keys)))
    own = {stem_of(facts.key) for place in DESCRIBED if place in stores for facts in stores[place].facts}
    return [row for row, key in enumerate(keys) if stem_of(key) in own]


def stem_of(key: str) -> str:
    """Name of a picture, which a set and the texts about it have in common."""
    return PurePosixPath(key).name


def blocks_of(scene: Scene, rng: np.random.Generator) -> list[Block]:
    """A set's own exchanges, else questions that its labels answer, in sentences as `umind data instruct` writes them."""
    if scene.said:
        return [Block(turn.question, turn.answer) for turn in scene.said]
    asked = [ask_in_sentences(scene, scene.findings, rng) for _ in range(NUM_TURNS)]
    return list(dict.fromkeys(question.block for question in asked if question))


def look(model: UMindModel, stores: Mapping[str, Store], folder: Path) -> dict[str, Float16[np.ndarray, "n t d"]]:
    """Visual tokens of every image, plain and without augmentation; what lies in the folder is not made again.

    Args:
        model: Its pixel encoder looks, and stays as it is.
        stores: By set.
        folder: For one file a set, of this pixel encoder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, store in stores.items():
        if not (path := folder / f"{name}.npy").exists():
            write_tokens(model, store, path)
    return {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in stores}


@torch.inference_mode()
def write_tokens(model: UMindModel, store: Store, path: Path) -> None:
    """Look at the images of a store; a file that is cut off never passes for a whole one."""
    pixels, unfinished = model.config.pixel_config, path.with_suffix(".part")
    width = model.config.get_text_config().hidden_size
    tokens = open_memmap(unfinished, "w+", np.float16, (len(store), pixels.num_tokens, width))
    bar = Progress(len(store))
    for first in range(0, len(store), LOOKED_AT_TOGETHER):
        rows = range(first, min(first + LOOKED_AT_TOGETHER, len(store)))
        frames = np.stack([letterbox(store[row].pixels, pixels.image_size)[0] for row in rows])
        tokens[rows.start : rows.stop] = model.encode(torch.from_numpy(normalise(frames))[:, None]).tokens.numpy()
        bar.show(rows.stop)
    bar.clear()
    tokens.flush()
    unfinished.replace(path)
