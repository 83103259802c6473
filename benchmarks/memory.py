"""Peak memory of one workload, in a process of its own: what ran before in a process would hide in its peak.

``python -m benchmarks.memory --model DIR --workload '{"axis": "verb", "verb": "segment"}'`` prints bytes; without a workload
those of a loaded model that is asked nothing.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from transformers.utils import logging

from benchmarks.provenance import REPOSITORY
from benchmarks.workloads import Workload
from umind.predictor import UMindVL

STATUS = Path("/proc/self/status")
"""Where Linux says it; ``getrusage`` would count the parent's peak."""
RESET = Path("/proc/self/clear_refs")
"""Where Linux takes a 5 as the wish to begin anew (proc(5))."""
MEBI = 2**20


def peak_of(workload: Workload | None, model: Path, device: str) -> float | None:
    """Peak resident set of a fresh process that loads a model and makes a call twice.

    Args:
        workload: The call; None to load only.
        model: Folder.
        device: Where to run; memory of an accelerator is not counted.

    Returns:
        Mebibytes; None where the system does not say.
    """
    call = [] if workload is None else ["--workload", json.dumps(asdict(workload))]
    return peak_told("benchmarks.memory", "--model", str(model.resolve()), "--device", device, *call)


def peak_told(module: str, *words: str) -> float | None:
    """Peak in mebibytes that a script prints last, in bytes, run in a fresh process; None where the system does not say."""
    if not STATUS.exists():
        return None
    command = [sys.executable, "-m", module, *words]
    answer = subprocess.run(command, cwd=REPOSITORY, check=True, stdout=subprocess.PIPE, text=True).stdout
    return int(answer.split()[-1]) / MEBI


def peak(device: str = "cpu") -> int:
    """Peak of this process so far, in bytes: of an accelerator's memory, or its resident set."""
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated(device)
    line = next(line for line in STATUS.read_text("utf-8").splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def forget(device: str = "cpu") -> None:
    """Let the peak count from now on: loading a model may take more than asking it."""
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats(device)
    else:
        RESET.write_text("5", "utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Load, call, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--model", type=Path, help="folder of a model; umind-tiny, which is embedded, when not given")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--workload", type=json.loads, help="fields of a workload as JSON")
    options = parser.parse_args(arguments)
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    model = UMindVL.from_pretrained(options.model, device=options.device)
    if options.workload:
        call = Workload(**options.workload).bind(model)
        call()
        call()
    print(peak())


if __name__ == "__main__":
    main()
