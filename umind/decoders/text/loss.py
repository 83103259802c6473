"""Losses of words; their head is the language model's own."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional


def text_loss(logits: Float[Tensor, "n v"], next_ids: Int[Tensor, "n"]) -> Float[Tensor, ""]:
    """Cross-entropy of the next token over the responses; zero without any."""
    if not len(logits):
        return logits.sum()
    return functional.cross_entropy(logits, next_ids)


def choice_loss(likelihoods: Float[Tensor, "o"], questions: Int[Tensor, "o"], right: Float[Tensor, "o"]) -> Float[Tensor, ""]:
    """Cross-entropy over the answers offered to each question, of what `umind.tasks.classify` reads; zero without any.

    Args:
        likelihoods: Log-likelihood of each answer.
        questions: Question that each answers, numbered from 0.
        right: 1 for the right one.
    """
    if not len(likelihoods):
        return likelihoods.sum()
    offered = functional.one_hot(questions).bool().T  # (questions, answers)
    totals = likelihoods.masked_fill(~offered, -torch.inf).logsumexp(1)
    return totals.mean() - (likelihoods * right).sum() / len(totals)
