"""What was done to one file, in counts and names of attributes: a record that may be kept beside the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

Box = tuple[int, int, int, int]

CAUTION = "No tool can promise that nothing of a person is left: look at the contact sheet before the file is shared."


MAX_BOXES = 8
"""Boxes that the lines for a person list; all are in the data."""


@dataclass(frozen=True)
class Record:
    """What was removed from a file. It holds no value of the file, and not its name.

    Args:
        file: Name of the file that was written.
        num_frames: Frames, all of them blanked alike.
        size: Width and height of the pixels that were written.
        view: Box (x1, y1, x2, y2) around the field of view in the pixels that were read.
        crop: Box that was cut out of them.
        blanked: Share of their pixels that was made black.
        marks: Boxes of what may be letters or marks inside the field of view, in the pixels that were written.
        painted: True when such marks were painted over.
        removed: How often an attribute was removed, by keyword.
        emptied: How often an attribute that has to be there was emptied.
        replaced: How often a UID, name or number was replaced.
    """

    file: str
    num_frames: int = field(kw_only=True)
    size: tuple[int, int] = field(kw_only=True)
    view: Box = field(kw_only=True)
    crop: Box = field(kw_only=True)
    blanked: float = field(kw_only=True)
    marks: tuple[Box, ...] = field(kw_only=True)
    painted: bool = field(kw_only=True)
    removed: Mapping[str, int] = field(default_factory=dict, kw_only=True)
    emptied: Mapping[str, int] = field(default_factory=dict, kw_only=True)
    replaced: Mapping[str, int] = field(default_factory=dict, kw_only=True)

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe, the caution with it."""
        return {**asdict(self), "caution": CAUTION}

    def to_text(self) -> str:
        """Lines for a person."""
        return "\n".join(
            [
                f"{self.file}: {self.size[0]} x {self.size[1]} pixels, {self.num_frames} frame{'s'[: self.num_frames > 1]}",
                f"  blanked around the field of view: {100 * self.blanked:.0f} % of every frame",
                f"  inside the field of view: {self.words_on_marks()}",
                *(
                    f"  {what}: {listed(counts)}"
                    for what, counts in (("removed", self.removed), ("emptied", self.emptied), ("replaced", self.replaced))
                    if counts
                ),
            ]
        )

    def words_on_marks(self) -> str:
        """What was seen of letters in the field of view."""
        if not self.marks:
            return "no letters or marks were seen"
        boxes = "; ".join(", ".join(map(str, box)) for box in self.marks[:MAX_BOXES])
        boxes += "; and so on" if len(self.marks) > MAX_BOXES else ""
        did = "painted over" if self.painted else "that may be letters or marks, left as they are"
        return f"{len(self.marks)} place{'s'[: len(self.marks) > 1]} {did} (x1, y1, x2, y2: {boxes})"


def listed(counts: Mapping[str, int]) -> str:
    """``"PatientName, private (12)"``."""
    return ", ".join(keyword if count == 1 else f"{keyword} ({count})" for keyword, count in sorted(counts.items()))
