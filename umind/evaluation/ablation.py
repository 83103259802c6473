"""A model whose language model knows nothing: what is left of an answer came past the words."""

from __future__ import annotations

import copy

import torch

from umind.predictor import UMindVL


def shuffle_language(model: UMindVL, *, seed: int = 0) -> UMindVL:
    """A copy in which the entries of every tensor of the language model are permuted, embeddings and language head included.

    Pixel encoder and decoders stay as they are. If a phrase reaches the decoders through the language model alone, the copy
    tells no better what is asked for from what is not than chance: presence has an AUROC near one half. The decoders may still
    outline whatever stands out.

    Args:
        model: Left as it is.
        seed: Decides the permutations.
    """
    network = copy.deepcopy(model.model)
    generator = torch.Generator().manual_seed(seed)
    parameters = {id(p): p for part in (network.language, network.lm_head) for p in part.parameters()}
    with torch.no_grad():
        for parameter in parameters.values():
            order = torch.randperm(parameter.numel(), generator=generator).to(parameter.device)
            parameter.copy_(parameter.flatten()[order].view_as(parameter))
    return UMindVL(network, model.processor)
