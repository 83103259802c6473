"""Shuffled language: every entry is still there, none in its place, and the eye is untouched."""

from __future__ import annotations

from types import SimpleNamespace

import torch
from torch import nn

from umind.evaluation.ablation import shuffle_language


class Toy(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.language = nn.Sequential(nn.Embedding(50, 8), nn.Linear(8, 8))
        self.lm_head = nn.Linear(8, 50, bias=False)
        self.lm_head.weight = self.language[0].weight
        self.pixels = nn.Linear(4, 4)


def test_language_is_permuted_and_the_rest_is_not() -> None:
    torch.manual_seed(0)
    model = SimpleNamespace(model=Toy(), processor=None)
    before = {name: value.clone() for name, value in model.model.state_dict().items()}
    shuffled = shuffle_language(model).model
    for name, value in shuffled.state_dict().items():
        assert torch.equal(model.model.state_dict()[name], before[name])
        if name.startswith("pixels"):
            assert torch.equal(value, before[name])
        else:
            assert not torch.equal(value, before[name])
            assert torch.equal(value.flatten().sort().values, before[name].flatten().sort().values)
    assert shuffled.lm_head.weight is shuffled.language[0].weight


def test_seeded() -> None:
    torch.manual_seed(0)
    model = SimpleNamespace(model=Toy(), processor=None)
    first, again, other = (shuffle_language(model, seed=seed).model.lm_head.weight for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
