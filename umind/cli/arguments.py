"""Arguments that several subcommands share, and how their words become values."""

from __future__ import annotations

import argparse
import math
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from typing import TypeAlias

import torch

from umind.geometry.spacing import Spacing
from umind.tasks.classify import Classify

Classes = tuple[str, tuple[str, ...]]
Subparsers: TypeAlias = "argparse._SubParsersAction[ArgumentParser]"  # argparse has no public name for it


def add_run_options(parser: ArgumentParser) -> None:
    """Options of everything that runs the model on images."""
    parser.add_argument(
        "--spacing", type=spacing, metavar="MM|DY,DX", help="millimetres per pixel, in place of what the file says"
    )
    parser.add_argument(
        "--ruler", type=centimetres, metavar="CM", help="where the file says nothing, read the depth ruler, a tick every CM"
    )
    parser.add_argument("--frame", type=frame, metavar="N", help="frame of a clip, counted from 0")
    parser.add_argument(
        "--threshold", type=threshold, metavar="T", help="least presence and score, 0 to 1 (default: the calibrated ones)"
    )
    parser.add_argument("--model", type=Path, metavar="DIR", help="folder of a model (default: the embedded one)")
    parser.add_argument("--adapter", type=Path, metavar="DIR", help="folder of an adapter to put on it")
    parser.add_argument("--device", type=device, default="cpu", metavar="NAME", help="cpu, cuda, cuda:1 ... (default: cpu)")
    parser.add_argument("--json", action="store_true", help="write only JSON to stdout, one line an image")


def phrase(text: str) -> str:
    """A phrase without outer blanks."""
    if not text.strip():
        raise ArgumentTypeError("a phrase must not be empty")
    return text.strip()


def phrases(text: str) -> tuple[str, ...]:
    """Phrases with commas between them."""
    return tuple(phrase(part) for part in text.split(","))


def classes(text: str) -> Classes:
    """``"breast lesion=benign,malignant"`` as phrase and options."""
    what, sign, options = text.partition("=")
    if not sign or not what.strip():
        raise ArgumentTypeError(f'wanted "PHRASE=OPTION,OPTION", got {text!r}')
    try:
        return what.strip(), Classify(what.strip(), phrases(options)).options
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error


def spacing(text: str) -> Spacing:
    """``"0.12"`` or ``"0.12,0.10"`` (rows first) as millimetres per pixel."""
    try:
        numbers = [float(part) for part in text.split(",")]
        return Spacing.of(numbers[0] if len(numbers) == 1 else numbers)
    except ValueError as error:
        raise ArgumentTypeError(f"wanted positive millimetres per pixel, as 0.12 or 0.12,0.10 (DY,DX), got {text!r}") from error


def centimetres(text: str) -> float:
    """A length."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < math.inf:
        raise ArgumentTypeError(f"wanted positive centimetres between ticks, got {text!r}")
    return value


def threshold(text: str) -> float:
    """A probability."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise ArgumentTypeError(f"wanted a number from 0 to 1, got {text!r}")
    return value


def frame(text: str) -> int:
    """A frame's number."""
    if not text.isdecimal():
        raise ArgumentTypeError(f"wanted a frame number, counted from 0, got {text!r}")
    return int(text)


def device(text: str) -> str:
    """A device that torch has here."""
    try:
        torch.empty(0, device=torch.device(text))
    except (RuntimeError, AssertionError, NotImplementedError) as error:  # torch raises each, by the kind of device it lacks
        raise ArgumentTypeError(f"torch has no device {text!r} here; cpu always works") from error
    return text
