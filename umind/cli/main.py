"""The ``umind`` command: its subcommands and exit codes.

Exit codes: 0 done; 1 some inputs failed, the others are done and each failure is named on stderr; 2 the call was wrong.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import MappingProxyType

from umind.cli import analyze, data, deid, evaluate, experts, info, verbs
from umind.cli.terminal import NOTICE, CallError, complain, tolerate_narrow_encodings

TRAINING: Mapping[str, str] = MappingProxyType(
    {
        "fit": "train: umind fit --config configs/tiny.yaml",
        "validate": "validate a checkpoint",
        "test": "test a checkpoint",
        "predict": "predict with a checkpoint",
    }
)
"""Subcommands of LightningCLI, which reads their arguments itself."""
TRAINING_MODULE = "umind.cli.fit"
"""Imported by name when one of them is called, because Lightning takes seconds to import."""
ROOMS = (analyze, verbs, info, deid, data, evaluate, experts)
"""Modules that add their subcommands with ``add_parser``."""
INTERRUPTED = 130


def build_parser() -> ArgumentParser:
    """Parser of the whole command."""
    parser = ArgumentParser(
        prog="umind",
        description="Masks, boxes, keypoints, measurements, classes and words from ultrasound images and a phrase.",
        epilog=f"Exit codes: 0 done, 1 some inputs failed, 2 the call was wrong.\n{NOTICE}",
        formatter_class=RawDescriptionHelpFormatter,
    )
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for room in ROOMS:
        room.add_parser(subparsers)
    for name, summary in TRAINING.items():
        subparsers.add_parser(name, help=summary, add_help=False)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and give its exit code.

    Args:
        argv: Arguments without the program's name; those of the process when None.

    Raises:
        SystemExit: By argparse: with 2 for a wrong call, with 0 after ``--help``.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    tolerate_narrow_encodings()
    try:
        if arguments and arguments[0] in TRAINING:
            import_module(TRAINING_MODULE).run(arguments[0], arguments[1:])
            return 0
        args = build_parser().parse_args(arguments)
        code: int = args.run(args)
        return code
    except CallError as error:
        complain(str(error))
        return 2
    except BrokenPipeError:  # whoever read the output has gone; see the note on SIGPIPE in Python's library reference
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:  # a full disk, a folder without permission
        complain(str(error))
        return 1
    except KeyboardInterrupt:
        complain("interrupted")
        return INTERRUPTED
