"""Cards on disk, and the list of test runs."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.tables import figures_in_short


def card_name(kind: str, *, suite: str = "all", limit: int | None = None, with_twins: bool = False) -> str:
    """Name of a card; that of a part never takes the place of the whole one.

    Args:
        kind: Split, or whose card it is and split.
        suite: Name of the suites in it, of `GROUPS`.
        limit: Most images of each set.
        with_twins: Whether images with a near-duplicate in train were scored.
    """
    said = {suite: suite != "all", "with-twins": with_twins, f"limit-{limit}": limit is not None}
    return "-".join([kind, *(part for part, is_said in said.items() if is_said)])


def write_card(folder: Path, name: str, card: Mapping[str, Any]) -> Path:
    """Write a card.

    Args:
        folder: Where; made if need be.
        name: Of the file, without suffix.
        card: Safe for JSON.

    Returns:
        The file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(card, indent=1, allow_nan=False) + "\n", "utf-8")
    return path


def note_test_run(path: Path, card: Mapping[str, Any]) -> None:
    """Add a line to the list of test runs."""
    is_new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        if is_new:
            rows.writerow(["date", "commit", "model", "limit", "figures"])
        rows.writerow([card["date"], card["commit"], card["model"], card["limit"] or "", figures_in_short(card)])
