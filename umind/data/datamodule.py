"""Lightning's view of the data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import lightning as L
import numpy as np
from torch.utils.data import DataLoader

from umind.data.collate import Collator
from umind.data.examples import Example
from umind.data.mixture import Mixture, Onward, Walk
from umind.data.store import Store
from umind.processor.processor import UMindProcessor
from umind.schema.batch import Batch


class MixtureData(L.LightningDataModule):
    """Training stream and validation walk over prepared stores.

    The stream resumes at the very sample where it stopped: what Lightning saves of it is the number of samples taken.

    Args:
        folder: Holds one store a set and split, as ``umind data prepare`` writes them: ``<folder>/<set>-<split>``.
        weights: Relative share of each set in training; the sets named here are used.
        batch_size: Examples in a batch.
        num_samples: Length of the training stream.
        val_limit: Most validation images of each set.
        num_workers: Processes that prepare examples; the stream is the same for any number.
        seed: Decides the stream.
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
    ) -> None:
        super().__init__()
        self.folder, self.weights, self.batch_size, self.num_samples = Path(folder), dict(weights), batch_size, num_samples
        self.val_limit, self.num_workers, self.seed = val_limit, num_workers, seed
        self.collator: Collator | None = None
        self.resumed_from = 0

    def attach(self, processor: UMindProcessor) -> None:
        """Take over the model's processor; called by the module before any batch is made."""
        self.collator = Collator(processor)
        self.image_size = processor.image_processor.size

    def stores(self, split: str) -> list[Store]:
        """Stores of a split, in the order of the weights; sets without that split are left out."""
        return [Store(path) for name in self.weights if (path := self.folder / f"{name}-{split}").exists()]

    def train_dataloader(self) -> DataLoader[Example]:
        """The stream, from where it stopped."""
        weights = [weight for name, weight in self.weights.items() if (self.folder / f"{name}-train").exists()]
        mixture = Mixture(self.stores("train"), weights, size=self.image_size, seed=self.seed)
        return self._loader(mixture, sampler=Onward(self.resumed_from, self.num_samples), drop_last=True)

    def val_dataloader(self) -> DataLoader[Example]:
        """Plain validation images with seeded questions."""
        return self._loader(Walk(self.stores("val"), size=self.image_size, seed=self.seed, limit=self.val_limit))

    def _loader(self, dataset: Any, **kwargs: Any) -> DataLoader[Example]:
        return DataLoader(
            dataset,
            batch_size=self.batch_size,
            collate_fn=self.collator,
            num_workers=self.num_workers,
            worker_init_fn=single_threaded,
            persistent_workers=False,
            **kwargs,
        )

    def transfer_batch_to_device(self, batch: Batch, device: Any, dataloader_idx: int) -> Batch:
        """Batches move themselves: Lightning's helper refuses frozen dataclasses."""
        return batch.to(device)

    def state_dict(self) -> dict[str, int]:
        """Samples taken so far."""
        taken = self.trainer.global_step * self.batch_size if self.trainer else self.resumed_from
        return {"samples": taken}

    def load_state_dict(self, state_dict: Mapping[str, int]) -> None:
        """Go on after those samples."""
        self.resumed_from = state_dict["samples"]


def single_threaded(worker: int) -> None:
    """OpenCV's own threads would compete with the training process."""
    cv2.setNumThreads(0)
    np.seterr(all="raise", under="ignore")
