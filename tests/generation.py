"""Going on from the cache of a prefill, as the verbs do."""

from collections.abc import Mapping

import torch
from torch import Tensor

from umind.backbone.pixels import PixelFeatures
from umind.model import StateRecorder, UMindModel
from umind.tokens.slots import layout, visible_to_last_block

NUM_TOKENS = 6


@torch.no_grad()
def continuation(
    network: UMindModel, packed: Mapping[str, Tensor], features: PixelFeatures, **rules: object
) -> tuple[Tensor, Tensor]:
    """Ids with what is generated behind them, and the states of its ``NUM_TOKENS`` steps."""
    ids, mask = packed["input_ids"], packed["attention_mask"]
    cache = network(input_ids=ids, attention_mask=mask, features=features, use_cache=True).past_key_values
    cache.crop(-1)
    recorder = StateRecorder()
    grown = network.generate(
        input_ids=ids,
        attention_mask=visible_to_last_block(layout(ids, mask, network.config.ids)),
        features=features,
        decode=False,
        past_key_values=cache,
        recorder=recorder,
        max_new_tokens=NUM_TOKENS,
        min_new_tokens=NUM_TOKENS,
        do_sample=False,
        **rules,
    )
    said, hidden = recorder.sequence()
    assert said.shape[1] == NUM_TOKENS, "one step for each token, and none for the prompt"
    return grown, hidden
