"""The way of the frames through the curtain, and what was seen of them on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import UInt8

from umind.deid.header import Tally
from umind.deid.pixels import Box, Curtain, Marks, frames_of
from umind.deid.record import Record
from umind.schema.image import Clip, UltrasoundImage

Sample = tuple[str, UInt8[np.ndarray, "h w *c"], UInt8[np.ndarray, "height width *c"]]
"""Words on a frame, its pixels before and after."""


@dataclass(eq=False)
class Passage:
    """The frames of a source on their way through the curtain, once; what was seen on the way is kept.

    Args:
        source: Still or cine.
        curtain: What is shown of it.
    """

    source: UltrasoundImage | Clip
    curtain: Curtain
    colour: bool = False
    num_frames: int = 0
    samples: list[Sample] = field(default_factory=list)

    def __iter__(self) -> Iterator[UInt8[np.ndarray, "height width *c"]]:
        height, width = self.curtain.kept.shape
        total = len(self.source) if isinstance(self.source, Clip) else 1
        self._marks = Marks((height, width))
        for number, frame in enumerate(frames_of(self.source)):
            drawn = self.curtain.draw(frame.pixels)
            self._marks.add(self.curtain.strokes_in(frame.pixels))
            self.colour, self.num_frames = drawn.ndim == 3, number + 1
            if number in {0, total // 2, total - 1}:
                self.samples.append((f"frame {number + 1} of {total}", frame.pixels, drawn))
            yield drawn

    def marks(self) -> tuple[Box, ...]:
        """Boxes of what may be letters, in the pixels after the crop."""
        left, top = self.curtain.crop[:2]
        return tuple((x1 - left, y1 - top, x2 - left, y2 - top) for x1, y1, x2, y2 in self._marks.boxes())

    def record(self, name: str, tally: Tally) -> Record:
        """What was done to the file that was written under this name."""
        curtain = self.curtain
        return Record(
            name,
            num_frames=self.num_frames,
            size=curtain.size,
            view=curtain.view,
            crop=curtain.crop,
            blanked=float(1 - curtain.kept.mean()),
            marks=self.marks(),
            painted=curtain.paint,
            removed=dict(tally.removed),
            emptied=dict(tally.emptied),
            replaced=dict(tally.replaced),
        )
