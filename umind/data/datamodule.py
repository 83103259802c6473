"""Lightning's view of the data."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader

from umind.data.collate import Collator
from umind.data.examples import Example
from umind.data.mixture import Mixture, Onward, Walk
from umind.data.shards import ShardMixture
from umind.data.store import Store
from umind.processor.processor import UMindProcessor
from umind.schema.batch import Batch
from umind.schema.sample import Split


class MixtureData(LightningDataModule):
    """Training stream and validation walk over prepared stores.

    The stream resumes at the very sample where it stopped: what Lightning saves of it is the number of samples taken.

    Args:
        folder: Holds one store a set and split, as ``umind data prepare`` writes them: ``<folder>/<set>-<split>``.
        weights: Relative share of each set in training; the sets named here are used.
        batch_size: Examples in a batch, of each process.
        num_samples: Examples in an epoch of the training stream, of all processes; the next epoch has new ones.
        val_limit: Most validation images of each set; ``predict`` walks through the same ones.
        num_workers: Processes that prepare examples; the stream is the same for any number.
        seed: Decides the stream.
        unheard: Names that nothing is asked about, neither where they are nor where they are not: what a model is not to know.
        shards: Folder of what ``umind data shards`` packed from the training stores. Training then streams from there without
            end: ``num_samples`` says nothing, a run that is resumed begins new passes, and validation still reads stores::

                umind data shards .cache/stores --out /net/shards
                umind fit --config configs/tiny.yaml --data.shards /net/shards
    """

    def __init__(
        self,
        folder: Path,
        weights: Mapping[str, float],
        batch_size: int = 16,
        num_samples: int = 64_000,
        val_limit: int = 60,
        num_workers: int = 1,
        seed: int = 0,
        unheard: tuple[str, ...] = (),
        shards: Path | None = None,
    ) -> None:
        super().__init__()
        self.folder, self.weights, self.batch_size, self.num_samples = Path(folder), dict(weights), batch_size, num_samples
        self.val_limit, self.num_workers, self.seed, self.shards = val_limit, num_workers, seed, shards
        self.unheard = frozenset(unheard)
        self.collator: Collator | None = None
        self.resumed_from = 0

    def attach(self, processor: UMindProcessor) -> None:
        """Take over the model's processor; called by the module before any batch is made."""
        self.collator = Collator(processor)
        self.image_size = processor.image_processor.size

    def stores(self, split: Split) -> dict[str, Store]:
        """Stores of a split by set, in the order of the weights; sets without that split are left out.

        Raises:
            ValueError: No set has that split, or a store was not finished.
        """
        places = {name: self.folder / f"{name}-{split}" for name in self.weights}
        found = {name: Store(place) for name, place in places.items() if place.exists()}
        if not found:
            raise ValueError(f"{self.folder} holds no {split} store of {', '.join(self.weights)}: run `umind data prepare`")
        return found

    def train_dataloader(self) -> DataLoader[Example]:
        """The stream, from where it stopped."""
        if self.shards is not None:
            return self._loader(self._streamed(self.shards))
        stores = self.stores("train")
        self._name_missing(stores, self.folder)
        mixture = Mixture(
            list(stores.values()),
            [self.weights[name] for name in stores],
            size=self.image_size,
            seed=self.seed,
            unheard=self.unheard,
        )
        rank, num_ranks = (0, 1) if self.trainer is None else (self.trainer.global_rank, self.trainer.world_size)
        batch = self.batch_size * num_ranks
        whole_batches = self.num_samples // batch * batch
        start = self.resumed_from // num_ranks * num_ranks  # a run that goes on may have fewer processes, or more
        return self._loader(mixture, sampler=Onward(start, whole_batches, rank=rank, num_ranks=num_ranks))

    def val_dataloader(self) -> DataLoader[Example]:
        """Plain validation images with seeded questions."""
        return self._loader(self._walk("val", self.val_limit))

    def test_dataloader(self) -> DataLoader[Example]:
        """Every test image, plain, with seeded questions."""
        return self._loader(self._walk("test", None))

    def predict_dataloader(self) -> DataLoader[Example]:
        """The validation images again."""
        return self.val_dataloader()

    def _streamed(self, folder: Path) -> ShardMixture:
        found = {name: sorted(folder.glob(f"{name}-train-*.tar")) for name in self.weights}
        packed = {name: paths for name, paths in found.items() if paths}
        if not packed:
            raise ValueError(f"{folder} holds no train shard of {', '.join(self.weights)}: run `umind data shards`")
        self._name_missing(packed, folder)
        seed = self.seed + self.resumed_from
        return ShardMixture(packed, self.weights, size=self.image_size, seed=seed, unheard=self.unheard)

    def _name_missing(self, found: Collection[str], folder: Path) -> None:
        if missing := [name for name in self.weights if name not in found]:
            warnings.warn(f"no training images of {', '.join(missing)} in {folder}", UserWarning, stacklevel=3)

    def _walk(self, split: Split, limit: int | None) -> Walk:
        return Walk(list(self.stores(split).values()), size=self.image_size, seed=self.seed, limit=limit, unheard=self.unheard)

    def _loader(self, dataset: Any, **kwargs: Any) -> DataLoader[Example]:
        return ResumableLoader(
            dataset,
            batch_size=self.batch_size,
            collate_fn=self.collator,
            num_workers=self.num_workers,
            worker_init_fn=single_threaded,
            persistent_workers=False,
            **kwargs,
        )

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """Batches move themselves: Lightning's helper refuses frozen dataclasses."""
        return batch.to(device)

    def state_dict(self) -> dict[str, int]:
        """Samples taken so far."""
        if self.trainer is None:
            return {"samples": self.resumed_from}
        batches: int = self.trainer.fit_loop.epoch_loop.batch_progress.total.processed  # type: ignore[attr-defined]
        return {"samples": batches * self.batch_size * self.trainer.world_size}

    def load_state_dict(self, state_dict: Mapping[str, int]) -> None:
        """Go on after those samples."""
        self.resumed_from = state_dict["samples"]


class ResumableLoader(DataLoader[Example]):
    """A loader whose place is saved by the data module; Lightning warns of loaders that have no such methods."""

    def state_dict(self) -> dict[str, int]:
        """Nothing: `MixtureData.state_dict` has it."""
        return {}

    def load_state_dict(self, state_dict: Mapping[str, int]) -> None:
        """Nothing: `MixtureData.load_state_dict` has done it."""


def single_threaded(worker: int) -> None:
    """OpenCV's own threads would compete with the training process."""
    cv2.setNumThreads(0)
    np.seterr(all="raise", under="ignore")
