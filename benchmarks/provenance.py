"""Where a figure comes from: model, commit, machine, date."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import torch
import transformers

REPOSITORY = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"
PREDICTIONS = Path(__file__).parent / "predictions"
"""Where answers are kept, in a folder for each checksum."""
SILENT = ("cli", "data", "evaluation", "export", "metrics", "training", "viz", "weights")
"""Rooms of the package that no answer depends on."""


def commit() -> str:
    """Short hash of the commit, with ``+`` when tracked files but results differ from it; "unknown" outside a repository."""
    try:
        name = git("rev-parse", "--short=12", "HEAD")
        return name + ("+" if git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!benchmarks/results") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def git(*words: str) -> str:
    """Answer of git about this repository."""
    return subprocess.run(["git", *words], cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout.strip()


def answering_code() -> list[Path]:
    """Files of the package that an answer depends on."""
    package = REPOSITORY / "umind"
    return sorted(path for path in package.rglob("*.py") if path.relative_to(package).parts[0] not in SILENT)


def checksum(files: Iterable[Path]) -> str:
    """Twelve digits for names and content of files: those of a model and of the code that runs it stand for its answers."""
    digest = hashlib.blake2b(digest_size=6)
    for path in files:
        digest.update(f"{path.name} {path.stat().st_size} ".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def processor_name() -> str:
    """Model of the processor as the system calls it."""
    table = Path("/proc/cpuinfo")
    lines = table.read_text("utf-8").splitlines() if table.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def hardware(device: str) -> dict[str, str | int]:
    """Machine and versions that a figure depends on."""
    accelerator = torch.cuda.get_device_name(device) if device.startswith("cuda") else "none"
    return {
        "processor": processor_name(),
        "cores": os.cpu_count() or 0,
        "threads": torch.get_num_threads(),
        "accelerator": accelerator,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }


def provenance(device: str = "cpu") -> dict[str, object]:
    """What stands at the head of every card."""
    today = datetime.now(UTC).isoformat(timespec="seconds")
    return {"version": 1, "date": today, "commit": commit(), "device": device, "hardware": hardware(device)}
