"""Task tokens for a language model that has none."""

from __future__ import annotations

import torch
from tokenizers import AddedToken
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from umind.tokens.vocabulary import TASK_TOKENS

NOISE = 0.1
"""Of the new rows, in standard deviations of the old ones: enough to tell the tokens apart."""


@torch.no_grad()
def add_task_tokens(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> None:
    """Add ``TASK_TOKENS`` to a tokenizer, and rows for them to the tables of its model, in place; all else stays as it is.

    A new row is the mean of the old ones and a little noise, the same every time: a token that starts so is not said more
    often than an average one (Hewitt, "Initializing new word embeddings for pretrained language models", 2021). Tokens that
    the tokenizer has keep their rows, and tables that are larger than the vocabulary, as Qwen's are, keep their size.
    """
    known, vocabulary = len(tokenizer), tokenizer.get_vocab()
    new = [token for token in TASK_TOKENS if token not in vocabulary]
    tokenizer.add_tokens([AddedToken(token, special=True, normalized=False) for token in new], special_tokens=True)
    if len(tokenizer) > len(model.get_input_embeddings().get_parameter("weight")):
        model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    rows = tokenizer.convert_tokens_to_ids(new)
    parts: tuple[nn.Module, ...] = (model.get_input_embeddings(), model.get_output_embeddings())  # type: ignore[no-untyped-call]
    tables = {id(table): table for table in (part.get_parameter("weight") for part in parts)}
    draw = torch.Generator().manual_seed(0)
    for table in tables.values():
        old = table[:known].float()
        noise = torch.randn(len(new), table.shape[1], generator=draw).to(table.device)
        table[rows] = (old.mean(0) + NOISE * old.std(0) * noise).to(table.dtype)
