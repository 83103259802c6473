"""What umind does to be fast or small, each as a pair of calls that do the same work, without it and with it.

``python -m benchmarks.optimisations "key-value cache" after --model DIR --batch 8`` makes one of the calls twice and prints the
peak of this process's memory meanwhile, in bytes: of the accelerator if it runs on one, else its resident set.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args

import numpy as np
import torch
from torch import Tensor
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.utils import logging

from benchmarks.memory import forget, peak
from benchmarks.mixture import forward, forward_and_backward
from benchmarks.prompts import NEW_TOKENS, Call, Prompt, Setting, load
from benchmarks.workloads import PHRASES, SIDE, picture
from umind.backbone.quantized import PACKAGES, Bits, quantise
from umind.data.collate import Collator
from umind.data.examples import build_example
from umind.data.labelled import labelled
from umind.data.phantom import phantom_sample
from umind.evaluation.phantoms import FIRST_SEED
from umind.model import StateRecorder
from umind.tasks.analyze import Analyze
from umind.tasks.report import Write
from umind.tasks.segment import Segment
from umind.training.module import UMindModule

TINY, QWEN, EXPERTS = "umind-tiny", "Qwen2.5-VL, width 512", "experts, width of a 2 B model"
FIND = PHRASES[:16]
QUESTIONS = 4


@dataclass(frozen=True)
class Optimisation:
    """One of them.

    Args:
        before: What is done without it.
        after: What is done with it.
        bind: From a setting, and whether it is to be made use of, to the call.
        models: What it is measured on.
        batches: Sizes it is measured at.
    """

    before: str
    after: str
    bind: Callable[[Setting, bool], Call]
    models: tuple[str, ...] = (TINY, QWEN)
    batches: tuple[int, ...] = (1, 8)


def report_of(setting: Setting) -> Prompt:
    """The request for a report."""
    return Prompt.of(load(setting), setting.batch, Write().blocks())


def cache(setting: Setting, improved: bool) -> Call:
    """A generation goes on from the keys and values of the prefill."""
    prompt = report_of(setting)
    return Call(lambda: prompt.write(cached=improved), setting.batch * NEW_TOKENS)


def states(setting: Setting, improved: bool) -> Call:
    """Decoders read the states that the generation itself computed."""
    prompt = report_of(setting)

    def run() -> object:
        if improved:
            recorder = StateRecorder()
            prompt.write(recorder=recorder)
            return prompt.model.decode(*recorder.sequence(), prompt.features)
        grown = prompt.write()[:, :-1]  # of the last token no step computes a state
        hidden = Prompt(prompt.model, grown, prompt.features).read(decode=False).hidden
        length = prompt.ids.shape[1] - 1
        return prompt.model.decode(grown[:, length:], hidden[:, length:], prompt.features)

    return Call(run, setting.batch * NEW_TOKENS)


def together(setting: Setting, improved: bool) -> Call:
    """Images go through the network as a batch."""
    prompt = report_of(setting)
    rows = [slice(0, setting.batch)] if improved else [slice(row, row + 1) for row in range(setting.batch)]
    prompts = [Prompt(prompt.model, prompt.ids[row], prompt.features[row]) for row in rows]
    return Call(lambda: [one.write() for one in prompts], setting.batch * NEW_TOKENS)


def prefill(setting: Setting, improved: bool) -> Call:
    """Many questions about an image stand side by side behind one copy of it."""
    umind = load(setting)
    seen = umind.encode([picture(SIDE)] * setting.batch)
    tokens = Prompt.of(umind, setting.batch, Analyze(FIND).blocks()).ids.numel()
    if improved:
        return Call(lambda: umind.analyze(seen, FIND), tokens)
    return Call(lambda: [umind.segment(seen, phrase) for phrase in FIND], tokens)


def encode(setting: Setting, improved: bool) -> Call:
    """Pixels are encoded once for all that is asked later."""
    umind = load(setting)
    images: list[Any] = [picture(SIDE)] * setting.batch
    phrases = PHRASES[:QUESTIONS]
    asked = [Prompt.of(umind, setting.batch, Segment(phrase).blocks()).ids.numel() for phrase in phrases]

    def run() -> object:
        given = umind.encode(images) if improved else images
        return [umind.segment(given, phrase) for phrase in phrases]

    return Call(run, sum(asked))


def absent(setting: Setting, improved: bool) -> Call:
    """Masks of what is surely not there are not drawn."""
    umind = load(setting)
    prompt = Prompt.of(umind, setting.batch, Analyze(FIND).blocks())
    least = {"least": umind.one_pass.calibration.least_logit(None)} if improved else {}
    return Call(lambda: prompt.read(**least), prompt.ids.numel())


def attention(setting: Setting, improved: bool) -> Call:
    """Attention in one kernel, which never holds the scores."""
    umind = load(setting)
    if not improved:
        ALL_ATTENTION_FUNCTIONS.register("written_out", written_out)
        umind.model.language.set_attn_implementation("written_out")
    prompt = Prompt.of(umind, setting.batch, Analyze(FIND).blocks())
    return Call(lambda: prompt.read(decode=False), prompt.ids.numel())


def written_out(
    module: torch.nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **rules: Any
) -> tuple[Tensor, None]:
    """Softmax of the scores, times the values; transformers' own such function wants a mask that is added."""
    groups = query.shape[1] // key.shape[1]
    key, value = (part.repeat_interleave(groups, 1) for part in (key, value))
    scores = query @ key.transpose(2, 3) * rules["scaling"]  # (B, H, L, L)
    if attention_mask is not None:
        scores = scores.masked_fill(~attention_mask, float("-inf"))
    return (scores.softmax(-1) @ value).transpose(1, 2).contiguous(), None


def half(setting: Setting, improved: bool) -> Call:
    """The language model's weights in bf16."""
    prompt = Prompt.of(load(setting, "bfloat16" if improved else "float32"), setting.batch, Analyze(FIND).blocks())
    return Call(lambda: prompt.read(decode=False), prompt.ids.numel())


def quantised(bits: Bits) -> Callable[[Setting, bool], Call]:
    """Linear layers of a Qwen-VL's language model in few bits."""

    def bind(setting: Setting, improved: bool) -> Call:
        umind = load(replace(setting, device="cpu"), "bfloat16")
        if improved:
            quantise(umind.model, bits, setting.device)
        umind.model.to(setting.device)  # type: ignore[arg-type]
        prompt = Prompt.of(umind, setting.batch, Analyze(FIND).blocks())
        return Call(lambda: prompt.read(decode=False), prompt.ids.numel())

    return bind


def checkpointing(setting: Setting, improved: bool) -> Call:
    """A step of training that computes the language model's layers again in place of keeping what they made."""
    module = UMindModule(init=setting.model, gradient_checkpointing=improved).to(setting.device)
    size = module.processor.image_processor.size
    seeds = range(FIRST_SEED["val"], FIRST_SEED["val"] + setting.batch)
    views = [labelled(phantom_sample(seed, size=SIDE), size) for seed in seeds]
    examples = [build_example(view, np.random.default_rng(seed)) for seed, view in zip(seeds, views, strict=True)]
    batch = Collator(module.processor)(examples).to(setting.device)

    def run() -> Tensor:
        with torch.enable_grad():
            module.zero_grad()
            loss = module.step(batch)[0]
            torch.autograd.backward(loss)
        return loss.detach()

    return Call(run, int(batch.attention_mask.sum()))


OPTIMISATIONS: Mapping[str, Optimisation] = MappingProxyType(
    {
        "key-value cache": Optimisation("a whole pass for each token", "one token at a time", cache),
        "states of task tokens": Optimisation("from a second pass", "from the generation", states),
        "batches": Optimisation("one image after the other", "together", together, batches=(8,)),
        "one prefill": Optimisation("16 phrases, a pass each", "one pass for all", prefill),
        "encoded once": Optimisation("4 questions, pixels each time", "pixels once", encode),
        "absent phrases": Optimisation("16 phrases, all drawn", "what may be there", absent, models=(TINY,)),
        "attention": Optimisation("scores written out", "one kernel (SDPA)", attention),
        "half precision": Optimisation("float32", "language model in bf16", half),
        **{
            bits: Optimisation("bf16", f"layers in {bits}", quantised(bits), models=(QWEN,))
            for bits in get_args(Bits)
            if find_spec(PACKAGES[bits])
        },
        "checkpointing": Optimisation("a step of training", "layers computed again", checkpointing),
        "grouped experts": Optimisation("a loop over 4 experts", "grouped products", forward, models=(EXPERTS,)),
        "grouped experts, training": Optimisation(
            "a loop over 4 experts", "grouped products", forward_and_backward, models=(EXPERTS,)
        ),
    }
)
"""By name; those that want a package are there where it is installed."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Load, call, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.optimisations", description=__doc__)
    parser.add_argument("name", choices=tuple(OPTIMISATIONS))
    parser.add_argument("side", choices=("before", "after"))
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args(arguments)
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    setting = Setting(options.model, options.batch, options.device)
    with torch.no_grad():
        call = OPTIMISATIONS[options.name].bind(setting, options.side == "after")
        forget(options.device)
        call.run()
        call.run()
    print(peak(options.device))


if __name__ == "__main__":
    main()
