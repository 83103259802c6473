"""``umind info``: what a file holds, and where its millimetres come from."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from umind.cli.arguments import Subparsers
from umind.cli.terminal import complain_of, say
from umind.geometry.region import UltrasoundRegion
from umind.geometry.spacing import Spacing
from umind.io import read
from umind.schema.image import Clip, UltrasoundImage
from umind.viz.lettering import SOURCES


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser: ArgumentParser = subparsers.add_parser(
        "info", help="size, frames, regions and scale of a file", description="Say what an image file holds."
    )
    parser.add_argument("image", type=Path, metavar="FILE", help="DICOM, picture, video, NIfTI or MetaImage")
    parser.add_argument("--json", action="store_true", help="write only JSON to stdout")
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    """Describe one file; 0 when it could be read, else 1."""
    try:
        source = read(args.image)
        still = source[0] if isinstance(source, Clip) else source
    except ValueError as error:
        complain_of(args.image, error)
        return 1
    if args.json:
        say(json.dumps(facts(source, still)))
    else:
        say("\n".join(lines(args.image.name, source, still)))
    return 0


def lines(name: str, source: UltrasoundImage | Clip, still: UltrasoundImage) -> Iterator[str]:
    """The facts for people, a line each."""
    yield f"file: {name}"
    yield f"size: {still.width} x {still.height} pixels, {'grey' if still.pixels.ndim == 2 else 'colour'}"
    if isinstance(source, Clip):
        rate = f" at {source.frame_rate:.4g} a second" if source.frame_rate else ", rate unknown"
        yield f"frames: {len(source)}{rate}"
    for place, region in enumerate(still.regions, 1):
        yield f"region {place}: {region_line(region)}"
    origin = SOURCES.get(still.calibration, still.calibration)
    if still.spacing:
        yield f"spacing: {size(still.spacing)} ({origin})"
    elif any(region.spacing for region in still.regions):
        yield f"spacing: by region ({origin})"
    else:
        yield f"spacing: none{', the file is suspect' if still.calibration == 'suspect' else ''}; --spacing gives it"
    yield from (f"note: {note}" for note in still.notes)
    yield from (f"{key}: {value}" for key, value in still.tags.items())


def region_line(region: UltrasoundRegion) -> str:
    """Kind, bounds, and scale or why there is none."""
    x1, y1, x2, y2 = region.xyxy
    scale = size(region.spacing) if region.spacing else f"no scale, {region.reason}"
    return f"{region.kind}, x {x1:g} to {x2:g}, y {y1:g} to {y2:g}, {scale}"


def size(spacing: Spacing) -> str:
    """Size of a pixel in words."""
    return (
        f"{spacing.dx:.4g} mm per pixel" if spacing.is_square else f"{spacing.dx:.4g} (x) by {spacing.dy:.4g} (y) mm per pixel"
    )


def facts(source: UltrasoundImage | Clip, still: UltrasoundImage) -> dict[str, Any]:
    """The same for machines; spacing in millimetres, rows first; bounds as left, top, right and bottom edge."""
    return {
        "name": source.name,
        "width": still.width,
        "height": still.height,
        "colour": still.pixels.ndim == 3,
        "frames": len(source) if isinstance(source, Clip) else 1,
        "frame_rate": source.frame_rate if isinstance(source, Clip) else None,
        "spacing": pair(still.spacing),
        "calibration": still.calibration,
        "regions": [
            {"xyxy": region.xyxy, "kind": region.kind, "spacing": pair(region.spacing), "reason": region.reason or None}
            for region in still.regions
        ],
        "notes": still.notes,
        "tags": dict(still.tags),
    }


def pair(spacing: Spacing | None) -> list[float] | None:
    """Rows first."""
    return [spacing.dy, spacing.dx] if spacing else None
