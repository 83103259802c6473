"""``umind info``: what a file holds, and where its millimetres come from."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from pydicom import dcmread

from umind.cli.arguments import Subparsers
from umind.cli.summary import scale
from umind.cli.terminal import complain_of, say
from umind.io import read
from umind.io.calibration import inside
from umind.io.dicom import is_dicom
from umind.schema.image import Clip, UltrasoundImage


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser: ArgumentParser = subparsers.add_parser(
        "info", help="size, frames, spacing and tags of a file", description="Say what an image file holds."
    )
    parser.add_argument("image", type=Path, metavar="FILE", help="PNG, JPEG, TIFF, WebP, BMP, GIF or DICOM")
    parser.add_argument("--json", action="store_true", help="write only JSON to stdout")
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    """Describe one file; 0 when it could be read, else 1."""
    try:
        source = read(args.image)
        still = source[0] if isinstance(source, Clip) else source
        reason = "" if still.spacing else reason_for_no_spacing(args.image, still)
    except ValueError as error:
        complain_of(args.image, error)
        return 1
    if args.json:
        say(json.dumps(facts(source, still, reason)))
        return 0
    colour = "grey" if still.pixels.ndim == 2 else "colour"
    say(f"file: {args.image.name}\nsize: {still.width} x {still.height} pixels, {colour}")
    if isinstance(source, Clip):
        rate = f" at {source.frame_rate:.4g} a second" if source.frame_rate else ""
        say(f"frames: {len(source)}{rate}")
    say(f"spacing: {scale(still)}" if still.spacing else f"spacing: none; {reason}; --spacing gives it")
    for key, value in still.tags.items():
        say(f"{key}: {value}")
    return 0


def facts(source: UltrasoundImage | Clip, still: UltrasoundImage, reason: str) -> dict[str, Any]:
    """The same facts for machines; spacing in millimetres, rows first."""
    return {
        "name": source.name,
        "width": still.width,
        "height": still.height,
        "colour": still.pixels.ndim == 3,
        "frames": len(source) if isinstance(source, Clip) else 1,
        "frame_rate": source.frame_rate if isinstance(source, Clip) else None,
        "spacing": [still.spacing.dy, still.spacing.dx] if still.spacing else None,
        "calibration": still.calibration,
        "reason": reason or None,
        "tags": dict(still.tags),
    }


def reason_for_no_spacing(path: Path, image: UltrasoundImage) -> str:
    """Why a file gave no spacing, by the rules of `umind.io.calibration`."""
    if not is_dicom(path):
        return "this kind of picture carries no reliable scale"
    header = dcmread(path, stop_before_pixels=True)
    regions = list(header.get("SequenceOfUltrasoundRegions") or [])
    if any(not inside(region, image.height, image.width) for region in regions):
        return "an ultrasound region of the header lies outside the pixels, so the file was resampled after export"
    if image.calibration == "suspect":
        return "PixelSpacing is 1 by 1 mm, which converters write when they do not know the scale"
    if regions:
        return "the header has no 2D ultrasound region in centimetres, or regions of different scales"
    return "the header has neither ultrasound regions nor a usable PixelSpacing"
