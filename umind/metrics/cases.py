"""Cases kept until the end: the running state that every family of metrics shares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

Scores = dict[str, Tensor]


class RunningCases(Metric):
    """Tables of numbers that grow case by case and are joined over processes, rank by rank.

    A state is a list of flat float64 tensors, reduced by ``"cat"`` (torchmetrics, "Implementing a metric"): flat, because a
    process that saw no case joins in with an empty vector; float64, so that ``compute`` equals the plain function exactly.

    Args:
        widths: Columns of each table.
    """

    full_state_update = False

    def __init__(self, **widths: int) -> None:
        super().__init__()
        self.set_dtype(torch.float64)
        self.widths = widths
        for name in widths:
            self.add_state(name, default=[], dist_reduce_fx="cat")

    def keep(self, name: str, rows: Float[np.ndarray, "n w"] | Iterable[Iterable[float]]) -> None:
        """Put rows under a table."""
        table = np.asarray(rows, np.float64).reshape(-1, self.widths[name])
        getattr(self, name).append(torch.from_numpy(table.flatten()).to(self.device))

    def kept(self, name: str) -> Float[np.ndarray, "n w"]:
        """A table so far, of this process or, while synced, of all."""
        parts = getattr(self, name)
        flat = dim_zero_cat(parts) if len(parts) else torch.zeros(0, dtype=torch.float64)
        table: Float[np.ndarray, "n w"] = flat.cpu().numpy().reshape(-1, self.widths[name])
        return table

    def kept_groups(self, name: str, lengths: str) -> list[Float[np.ndarray, "m w"]]:
        """A table cut into the rows of each case, whose number is in the table ``lengths``."""
        ends = self.kept(lengths)[:, 0].astype(int).cumsum()
        return np.split(self.kept(name), ends)[:-1]


def as_scores(numbers: Mapping[str, float]) -> Scores:
    """Numbers as the scalar tensors that Lightning logs."""
    return {name: torch.tensor(float(value), dtype=torch.float64) for name, value in numbers.items()}
