"""``umind analyze``: everything asked of many images, written to a folder."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from umind.checkpoint import locate
from umind.cli.arguments import Subparsers, add_run_options, classes, phrases
from umind.cli.outputs import SUFFIXES, write, write_dicom
from umind.cli.sources import open_model, open_still
from umind.cli.summary import heading, lines
from umind.cli.terminal import NOTICE, CallError, Progress, complain, complain_of, say
from umind.export import to_csv, to_dict
from umind.predictor import BATCH_SIZE, UMindVL
from umind.schema.image import UltrasoundImage
from umind.schema.result import Analysis
from umind.tasks.measure import Measure

DESCRIPTION = """\
Find, measure and classify in images, and write a report of each, in one pass an image.

An option may be given several times, and takes several phrases with commas between them.
For every image the folder of --out gets NAME.overlay.png, NAME.json and NAME.html, and results.csv has the rows of all.
A DICOM image also gets NAME.seg.dcm (its masks), NAME.sr.dcm (its measurements) and NAME.sc.dcm (the picture).
Images of the same name get numbers: scan, scan-2.
"""
EXAMPLE = """\
example:
  umind analyze scans/*.png --find "breast lesion" --measure "longest diameter of the breast lesion" \\
      --classify "breast lesion=benign,malignant" --spacing 0.12 --out results/
"""
TABLE = "results.csv"


@dataclass(frozen=True)
class Job:
    """One image of the call.

    Args:
        path: Where it is read.
        stem: Name of its files in the folder of results, which no other job has.
        name: Name in the results: the file's own, with its folders where two files share it.
    """

    path: Path
    stem: str
    name: str


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser: ArgumentParser = subparsers.add_parser(
        "analyze",
        help="find, measure, classify and report on images; writes pictures, JSON, HTML and CSV",
        description=DESCRIPTION,
        epilog=EXAMPLE,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("images", nargs="+", type=Path, metavar="IMAGE", help="DICOM, picture, video, NIfTI or MetaImage")
    parser.add_argument("--find", action="extend", type=phrases, default=[], metavar="PHRASE", help="outline and box")
    parser.add_argument("--measure", action="extend", type=phrases, default=[], metavar="NAME", help='as "head circumference"')
    parser.add_argument(
        "--classify", action="append", type=classes, default=[], metavar="PHRASE=A,B", help="choose among options"
    )
    parser.add_argument(
        "--points", action="extend", type=phrases, metavar="PHRASE", help="find the ends of the axes (default: as --find)"
    )
    parser.add_argument("--no-text", dest="text", action="store_false", help="leave the generated report out")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the results, made if missing")
    add_run_options(parser)
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    """Analyse every image; 0 when all went well, 1 when some failed.

    Raises:
        CallError: Nothing was asked, or what no image can give, the folder cannot be written, or there is no model.
    """
    if not (args.text or args.find or args.measure or args.classify or args.points):
        raise CallError("--no-text leaves nothing to do; wanted --find, --measure, --classify or --points")
    check_measurements(args.measure)
    jobs = plan(args.images, args.frame)
    prepare(args.out, jobs)
    model = open_model(args.model, device=args.device, adapter=args.adapter)
    header = to_csv(())
    num_done, written = 0, Counter[str]()
    progress = Progress(len(jobs))
    with (args.out / TABLE).open("w", encoding="utf-8", newline="") as table:
        table.write(header)
        for start in range(0, len(jobs), BATCH_SIZE):
            progress.show(start)
            for job, image, analysis in analyses(model, jobs[start : start + BATCH_SIZE], args, progress):
                progress.clear()
                written.update(write_all(args, job, image, analysis))
                table.write(to_csv(analysis).removeprefix(header))
                say(json.dumps(to_dict(analysis)) if args.json else "\n".join([heading(image), *indented(analysis), ""]))
                num_done += 1
            table.flush()
    progress.clear()
    if num_done and not args.json:
        say(f"Written to {args.out}: {files(jobs, written)}, and {TABLE}\n{NOTICE}")
    return 0 if num_done == len(jobs) else 1


def files(jobs: Sequence[Job], written: Mapping[str, int]) -> str:
    """Names of the files, and of how many images there are such files where the call has several."""
    stem = jobs[0].stem if len(jobs) == 1 else "NAME"
    parts = []
    for count, suffixes in groupby((suffix for suffix in SUFFIXES if suffix in written), written.__getitem__):
        names = ", ".join(f"{stem}{suffix}" for suffix in suffixes)
        parts.append(names if len(jobs) == 1 else f"{names} of {count} image{'s' if count > 1 else ''}")
    return ", ".join(parts)


def analyses(
    model: UMindVL, jobs: Sequence[Job], args: Namespace, progress: Progress
) -> Iterator[tuple[Job, UltrasoundImage, Analysis]]:
    """Image and analysis of each job whose image can be read and measured; the others are complained about."""
    opened: list[tuple[Job, UltrasoundImage]] = []
    for job in jobs:
        try:
            image = open_still(job.path, spacing=args.spacing, ruler=args.ruler, frame=args.frame)
        except ValueError as error:
            progress.clear()
            complain_of(job.path, error)
        else:
            opened.append((job, replace(image, name=job.name)))
    if not opened:
        return
    results = model.analyze(
        [image for _, image in opened],
        unique(args.find),
        measure=unique(args.measure),
        classes=dict(args.classify),
        points=unique(args.find if args.points is None else args.points),
        text=args.text,
        threshold=args.threshold,
        errors="return",
    )
    for (job, image), analysis in zip(opened, results, strict=True):
        if isinstance(analysis, ValueError):
            progress.clear()
            complain_of(job.path, analysis)
        else:
            yield job, image, analysis


def check_measurements(phrases: Sequence[str]) -> None:
    """Refuse measurements that no image can give, before the first is read.

    Raises:
        CallError: A protocol wants what the model cannot predict.
    """
    try:
        for phrase in phrases:
            Measure(phrase)
    except ValueError as error:
        raise CallError(str(error)) from error


def unique(phrases: Sequence[str]) -> list[str]:
    """Phrases without repeats, in their order."""
    return list(dict.fromkeys(phrases))


def indented(analysis: Analysis) -> Iterator[str]:
    """Lines of a summary below their heading."""
    return (f"  {line}" for line in lines(analysis))


def plan(paths: Sequence[Path], frame: int | None) -> list[Job]:
    """A job for each path; the first of several with one name keeps it, the others are numbered.

    Names are compared without case, because some file systems have none.
    """
    stems = [path.stem if frame is None else f"{path.stem}.frame{frame}" for path in paths]
    names = [path.name for path in paths]
    taken = {stem.casefold() for stem in stems}
    used: set[str] = set()
    jobs = []
    for path, stem in zip(paths, stems, strict=True):
        chosen, number = stem, 2
        while chosen.casefold() in used or (chosen != stem and chosen.casefold() in taken):
            chosen, number = f"{stem}-{number}", number + 1
        used.add(chosen.casefold())
        jobs.append(Job(path, chosen, path.name if names.count(path.name) == 1 else str(path)))
    return jobs


def prepare(folder: Path, jobs: Sequence[Job]) -> None:
    """Make the folder of results.

    Raises:
        CallError: It is a file, cannot be made, or a result would overwrite an image of the call.
    """
    if folder.exists() and not folder.is_dir():
        raise CallError(f"--out {folder}: is a file; wanted a folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CallError(f"--out {folder}: cannot be made ({error.strerror})") from error
    inputs = {job.path.resolve() for job in jobs}
    for job in jobs:
        for suffix in SUFFIXES:
            if (target := (folder / f"{job.stem}{suffix}").resolve()) in inputs:
                raise CallError(f"--out {folder}: {target.name} would overwrite an image of this call")


def write_all(args: Namespace, job: Job, image: UltrasoundImage, analysis: Analysis) -> list[str]:
    """Write everything about one image, and give the suffixes; why there can be no DICOM is said on stderr."""
    stem = args.out / job.stem
    suffixes = write(stem, image, analysis)
    try:
        model = Path(locate(args.model)).name
        suffixes += write_dicom(stem, job.path, image, analysis, frame=args.frame, model=model)
    except ValueError as error:
        complain(f"{job.path}: no DICOM objects are written: {error}")
    return suffixes
