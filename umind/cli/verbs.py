"""One verb on one image: ``umind segment|detect|keypoints|measure|classify|ask|report``."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from umind.cli.arguments import Subparsers, add_run_options, phrase
from umind.cli.sources import open_model, open_still
from umind.cli.summary import heading, lines
from umind.cli.terminal import NOTICE, CallError, complain_of, say
from umind.export import to_dict
from umind.predictor import UMindVL
from umind.schema.errors import UncalibratedError
from umind.schema.image import UltrasoundImage
from umind.schema.result import Result
from umind.tasks.classify import Classify
from umind.tasks.measure import Measure
from umind.viz import draw

PICTURES = frozenset({".png", ".jpg", ".jpeg", ".webp"})
"""Suffixes that ``--out`` takes."""


@dataclass(frozen=True)
class Verb:
    """A subcommand.

    Args:
        summary: What it does.
        words: What its phrase is, for the help; empty when it takes none.
        call: The model's answer for an image and the arguments.
    """

    summary: str
    words: str
    call: Callable[[UMindVL, UltrasoundImage, Namespace], Result]


VERBS: Mapping[str, Verb] = MappingProxyType(
    {
        "segment": Verb(
            "outline every instance of a phrase",
            'as "thyroid nodule"',
            lambda model, image, args: model.segment(image, args.phrase, threshold=args.threshold),
        ),
        "detect": Verb(
            "box every instance of a phrase",
            'as "breast lesion"',
            lambda model, image, args: model.detect(image, args.phrase, threshold=args.threshold),
        ),
        "keypoints": Verb(
            "find the ends of a structure's axes",
            'as "fetal head"',
            lambda model, image, args: model.keypoints(image, args.phrase, threshold=args.threshold),
        ),
        "measure": Verb(
            "measure what a phrase names",
            'as "head circumference" or "longest diameter of the cyst"',
            lambda model, image, args: model.measure(image, args.phrase, threshold=args.threshold),
        ),
        "classify": Verb(
            "choose among options",
            'what is classified, as "breast lesion"',
            lambda model, image, args: model.classify(image, args.phrase, args.options, threshold=args.threshold),
        ),
        "ask": Verb(
            "answer a question in words",
            'as "Is there a lesion, and where?"',
            lambda model, image, args: model.ask(image, args.phrase, threshold=args.threshold),
        ),
        "report": Verb("write a short report", "", lambda model, image, args: model.report(image, threshold=args.threshold)),
    }
)


def add_parser(subparsers: Subparsers) -> None:
    """Add a subcommand for each verb."""
    for name, verb in VERBS.items():
        parser: ArgumentParser = subparsers.add_parser(name, help=verb.summary, description=f"{verb.summary.capitalize()}.")
        parser.add_argument("image", type=Path, metavar="IMAGE", help="DICOM, picture, video, NIfTI or MetaImage")
        if verb.words:
            parser.add_argument("phrase", type=phrase, metavar="PHRASE", help=verb.words)
        if name == "classify":
            parser.add_argument("options", nargs="+", type=phrase, metavar="OPTION", help="at least two")
        parser.add_argument("--out", type=Path, metavar="FILE", help="picture with the result drawn on the image")
        add_run_options(parser)
        parser.set_defaults(run=run, verb=name)


def run(args: Namespace) -> int:
    """Ask one image; 0 when it was answered, 1 when the image could not be read, or has no scale for what is measured.

    Raises:
        CallError: The options are too few, the picture cannot be written there, or there is no model.
    """
    check(args)
    model = open_model(args.model, device=args.device, adapter=args.adapter)
    try:
        image = open_still(args.image, spacing=args.spacing, ruler=args.ruler, frame=args.frame)
    except ValueError as error:
        complain_of(args.image, error)
        return 1
    try:
        result = VERBS[args.verb].call(model, image, args)
    except UncalibratedError as error:
        complain_of(args.image, error)
        return 1
    if args.json:
        say(json.dumps(to_dict(result)))
    else:
        say("\n".join([heading(image), *(f"  {line}" for line in lines(result))]))
    if args.out is not None:
        draw(image, result).save(args.out)
    if not args.json:
        say(NOTICE if args.out is None else f"Written: {args.out}\n{NOTICE}")
    return 0


def check(args: Namespace) -> None:
    """Refuse what the model would refuse later, before it is loaded.

    Raises:
        CallError: What was given and what was wanted.
    """
    try:
        if args.verb == "classify":
            Classify(args.phrase, tuple(args.options))
        elif args.verb == "measure":
            Measure(args.phrase)
    except ValueError as error:
        raise CallError(str(error)) from error
    out = args.out
    if out is None:
        return
    if out.is_dir() or out.suffix.lower() not in PICTURES:
        raise CallError(f"--out {out}: wanted a picture file ending in {', '.join(sorted(PICTURES))}")
    if out.resolve() == args.image.resolve():
        raise CallError(f"--out {out}: would overwrite the image")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CallError(f"--out {out}: its folder cannot be made ({error.strerror})") from error
