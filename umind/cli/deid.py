"""``umind deid``: files without the person whose they are."""

from __future__ import annotations

import json
from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from pathlib import Path

from umind.cli.arguments import Subparsers
from umind.cli.terminal import CallError, Progress, complain_of, say
from umind.deid import Pseudonyms, Record, deidentify
from umind.deid.pixels import Box
from umind.deid.record import CAUTION

DESCRIPTION = """\
Write files without the header's identity and with black pixels around the field of view, in every frame.

DICOM stays DICOM: of the header only what display and measurement need is kept, without dates and private attributes; UIDs and
patients are replaced alike in all files of a call. Of other pictures only the pixels are written, as PNG, or TIFF for a cine.
Files are numbered, since their names may name the patient: image-001.dcm, and so on in the order of the call.
The folder of --out also gets deid.json and deid.txt, which say what was removed, without values.
The folder of --check gets a contact sheet of each file, which shows it as it was: it is not to be shared.
"""
EXAMPLE = """\
example:
  umind deid scans/*.dcm --out shared/ --check private/
"""
RECORDS, TEXT = "deid.json", "deid.txt"


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser: ArgumentParser = subparsers.add_parser(
        "deid",
        help="remove identity from headers and blank what is written around the field of view",
        description=DESCRIPTION,
        epilog=f"{EXAMPLE}\n{CAUTION}",
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="any image or cine that umind reads")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the results, new or empty")
    parser.add_argument("--check", type=Path, metavar="DIR", help="folder of the contact sheets (default: OUT-check)")
    parser.add_argument("--crop", action="store_true", help="cut the pictures to their field of view; the scale follows")
    parser.add_argument(
        "--paint-marks",
        action="store_true",
        help="also paint over thin bright strokes in the field of view; takes thin echoes, too",
    )
    parser.add_argument(
        "--field", type=box, metavar="X1,Y1,X2,Y2", help="box of the field of view in pixels, where it is not found right"
    )
    parser.add_argument("--json", action="store_true", help="write only JSON to stdout, one line a file")
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    """De-identify every file; 0 when all went well, 1 when some failed.

    Raises:
        CallError: A folder has files in it, or cannot be made.
    """
    sheets = args.check or args.out.with_name(f"{args.out.name}-check")
    for option, folder in (("--out", args.out), ("--check", sheets)):
        make_empty(option, folder)
    pseudonyms, records = Pseudonyms(), []
    progress = Progress(len(args.files))
    for number, path in enumerate(args.files, 1):
        progress.show(number - 1)
        name = f"image-{number:03d}"
        try:
            record = deidentify(
                path,
                args.out / name,
                sheet=sheets / f"{name}.png",
                pseudonyms=pseudonyms,
                crop=args.crop,
                paint=args.paint_marks,
                box=args.field,
            )
        except ValueError as error:
            progress.clear()
            complain_of(path, error)
            continue
        records.append(record)
        progress.clear()
        say(json.dumps(record.to_dict()) if args.json else f"{path.name} -> {record.to_text()}\n")
    write_records(args.out, records)
    if records and not args.json:
        say(f"Written to {args.out}. Contact sheets, not to be shared: {sheets}\n{CAUTION}")
    return 0 if len(records) == len(args.files) else 1


def write_records(folder: Path, records: list[Record]) -> None:
    """Write what was removed for machines and for people."""
    (folder / RECORDS).write_text(json.dumps([record.to_dict() for record in records], indent=1), "utf-8")
    (folder / TEXT).write_text("\n".join([*(record.to_text() for record in records), CAUTION, ""]), "utf-8")


def make_empty(option: str, folder: Path) -> None:
    """Make a folder; files with and without identity are not to be mixed in one.

    Raises:
        CallError: It is a file, has files in it, or cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        filled = any(folder.iterdir())
    except OSError as error:
        raise CallError(f"{option} {folder}: cannot be made ({error.strerror})") from error
    if filled:
        raise CallError(f"{option} {folder}: has files in it; wanted a new or empty folder")


def box(text: str) -> Box:
    """``"10,20,300,200"`` as a box (x1, y1, x2, y2)."""
    numbers = [int(part) for part in text.split(",") if part.strip().isdecimal()]
    if len(numbers) != 4 or text.count(",") != 3 or numbers[0] >= numbers[2] or numbers[1] >= numbers[3]:
        raise ArgumentTypeError(f"wanted four whole numbers X1,Y1,X2,Y2 with X1 < X2 and Y1 < Y2, got {text!r}")
    x1, y1, x2, y2 = numbers
    return x1, y1, x2, y2
