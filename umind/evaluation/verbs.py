"""What evaluation asks of a model: the verbs, whoever is behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol


class Verbs(Protocol):
    """A model as the suites see it: `UMindVL`, a peer, or predictions kept in a file.

    Every verb takes as many images as phrases, and gives as many results. A model need only have the verbs that its suites ask.
    """

    def encode(self, image: Any, /) -> Any:
        """What the verbs take in place of a list of `UltrasoundImage`, one for each."""

    def segment(self, image: Any, phrase: Any, /, *, threshold: float | None = None) -> Any:
        """Segmentations."""

    def detect(self, image: Any, phrase: Any, /, *, threshold: float | None = None) -> Any:
        """Detections."""

    def keypoints(self, image: Any, phrase: Any, /, *, threshold: float | None = None) -> Any:
        """Keypoints."""

    def measure(self, image: Any, phrase: Any, /, *, threshold: float | None = None) -> Any:
        """Measurements."""

    def classify(self, image: Any, phrase: Any, options: Sequence[str], *, threshold: float | None = None) -> Any:
        """Classifications."""

    def ask(self, image: Any, question: Any, /, *, threshold: float | None = None) -> Any:
        """Answers."""

    def report(self, image: Any, /, *, threshold: float | None = None) -> Any:
        """Reports."""
