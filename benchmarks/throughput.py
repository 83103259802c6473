"""Tokens per second and peak memory without and with each optimisation, and ratios, since seconds age.

``python -m benchmarks.throughput``, on a machine that does nothing else. Writes ``throughput.json``. The two sides of a pair
take turns; the peak memory of each is that of a process of its own. A Qwen-VL of random weights stands beside umind-tiny: what
calls cost does not depend on what they know.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import asdict
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from benchmarks.cards import write_card
from benchmarks.memory import peak_told
from benchmarks.networks import write_qwen
from benchmarks.optimisations import EXPERTS, OPTIMISATIONS, QWEN, TINY, Optimisation
from benchmarks.prompts import NEW_TOKENS, Setting
from benchmarks.provenance import RESULTS, provenance
from benchmarks.tables import throughput_table
from benchmarks.timing import interleaved
from umind.checkpoint import EMBEDDED

SIDES = ("before", "after")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.throughput", description=__doc__)
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    parser.add_argument("--devices", nargs="+", default=devices, help="where to run (default: the processor, and a GPU if any)")
    parser.add_argument("--repetitions", type=int, default=5, help="of every call (default: 5)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder to write to")
    options = parser.parse_args(arguments)
    card: dict[str, Any] = provenance(options.devices[-1]) | {"repetitions": options.repetitions, "warm_up": 1}
    card |= {"new_tokens": NEW_TOKENS, "rows": []}
    with TemporaryDirectory() as folder:
        write_qwen(Path(folder))
        models = {TINY: EMBEDDED, QWEN: Path(folder), EXPERTS: EMBEDDED}
        for name, optimisation in OPTIMISATIONS.items():
            for model, device, batch in product(optimisation.models, options.devices, optimisation.batches):
                row = {"name": name, "model": model, "device": device, "batch": batch}
                setting = Setting(models[model], batch, device)
                card["rows"].append(row | measured(name, optimisation, setting, options.repetitions))
    print(f"{throughput_table(card)}\n\nwritten: {write_card(options.results, 'throughput', card)}")


def measured(name: str, optimisation: Optimisation, setting: Setting, repetitions: int) -> dict[str, Any]:
    """Both sides of a pair, and how many times as fast the second is."""
    with torch.no_grad():
        calls = {side: optimisation.bind(setting, side == "after") for side in SIDES}
        seconds = interleaved({side: finished(call.run, setting.device) for side, call in calls.items()}, repetitions)
    assert calls["before"].tokens == calls["after"].tokens, "the same work"
    row: dict[str, Any] = {"without": optimisation.before, "with": optimisation.after, "tokens": calls["after"].tokens}
    for side in SIDES:
        words = ("--model", str(setting.model.resolve()), "--batch", str(setting.batch), "--device", setting.device)
        row[side] = {
            "seconds": asdict(seconds[side]),
            "tokens_per_second": calls[side].tokens / seconds[side].median,
            "peak_mb": peak_told("benchmarks.optimisations", name, side, *words),
        }
    return row | {"times": seconds["before"].median / seconds["after"].median}


def finished(run: Callable[[], object], device: str) -> Callable[[], object]:
    """A call that is over when it returns, also on an accelerator, which works on behind Python's back."""

    def wait() -> None:
        run()
        torch.cuda.synchronize(device)

    return wait if device.startswith("cuda") else run


if __name__ == "__main__":
    main()
