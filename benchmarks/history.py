"""umind-tiny over time: every look at the test split that found other figures than the one before."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from umind.evaluation.markdown import table

MODEL = "umind-tiny"
SHOWN = ("BUSBRA", "Dataset_BUSI_with_GT", "BrEaST", "HC18", "MMOTU_2D", "DDTI", "CCAUS")
DICE = re.compile(r"(?:^|; )(\S+) [a-z ]+ dice ([\d.]+)")
HEAD = re.compile(r"HC18 head circumference mae ([\d.]+) mm")


def read_runs(path: Path) -> list[Mapping[str, str]]:
    """Lines of ``test_runs.csv`` about whole runs of umind-tiny; none when there is no such file."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["model"] == MODEL and not row["limit"]]


def history_table(runs: Sequence[Mapping[str, str]], kept: str) -> str:
    """Mean Dice by set, and the error of the head's circumference, run by run.

    Args:
        runs: As ``read_runs`` gives them.
        kept: Commit of the run whose weights are in the package.
    """
    rows: list[list[str]] = []
    for run in runs:
        overlaps: dict[str, str] = {}
        for name, value in DICE.findall(run["figures"]):
            overlaps.setdefault(name, value)
        error = HEAD.search(run["figures"])
        figures = [*(overlaps.get(name, "") for name in SHOWN), error[1] if error else ""]
        if any(figures) and (not rows or figures != rows[-1][2:]):
            rows.append([run["date"][:10], f"`{run['commit'][:7]}`", *figures])
    heading = ("Date", "Commit", *SHOWN, "HC18, mm")
    return table(
        "Every look at the test split that found something new: mean Dice, and MAE of the circumference. In the package are "
        f"the weights of `{kept[:7]}`",
        heading,
        rows,
    )
