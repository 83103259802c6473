"""Predictions in a file: what a model said once is not asked again, and can be scored without the model."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from umind.evaluation.verbs import Verbs
from umind.schema.image import UltrasoundImage
from umind.schema.serial import ResultData


class MissingPredictionError(ValueError):
    """A question was asked that the file holds no answer to, and there is no model to ask."""


@dataclass(eq=False)
class Seen:
    """An image that is encoded only when a model has to look at it.

    Args:
        image: The image.
        encoded: What the model's verbs take; None until it was looked at.
    """

    image: UltrasoundImage
    encoded: Any = None

    @cached_property
    def key(self) -> str:
        """Name and a digest of the pixels and their spacing, so that an image that was changed is another one."""
        digest = hashlib.blake2b(self.image.pixels.tobytes(), digest_size=8)
        digest.update(repr((self.image.pixels.shape, self.image.spacing)).encode())
        return f"{self.image.name}#{digest.hexdigest()}"


class Predictions:
    """A model's results, one JSON line each, behind the same verbs as the model.

    Predicting is running a suite with a model: what the file holds is taken from there, what it lacks is asked and added, so a
    run that was interrupted goes on. Scoring is running the suite again without the model.

    Args:
        path: File; it is made when there is something to write. One in ``.gz`` is read only.
        model: Who answers what is not in the file; None to score only.

    Raises:
        ValueError: A line of the file is no prediction, other than a last one that was cut off; or a model with a packed file.
    """

    def __init__(self, path: Path, model: Verbs | None = None) -> None:
        self.path = path
        self.model = model
        self.lines: dict[str, str] = {}
        if model is not None and path.suffix == ".gz":
            raise ValueError(f"{path} is packed: answers cannot be added to it")
        if path.exists():
            self._read()

    def __len__(self) -> int:
        return len(self.lines)

    def encode(self, image: list[UltrasoundImage], /) -> list[Seen]:
        """Nothing yet; a model looks when it is asked."""
        return [Seen(item) for item in image]

    def segment(self, image: Sequence[Seen], phrase: Sequence[str], /, *, threshold: float | None = None) -> list[ResultData]:
        """Segmentations."""
        return self._answer("segment", image, phrase, threshold=threshold)

    def detect(self, image: Sequence[Seen], phrase: Sequence[str], /, *, threshold: float | None = None) -> list[ResultData]:
        """Detections."""
        return self._answer("detect", image, phrase, threshold=threshold)

    def keypoints(self, image: Sequence[Seen], phrase: Sequence[str], /, *, threshold: float | None = None) -> list[ResultData]:
        """Keypoints."""
        return self._answer("keypoints", image, phrase, threshold=threshold)

    def measure(self, image: Sequence[Seen], phrase: Sequence[str], /, *, threshold: float | None = None) -> list[ResultData]:
        """Measurements."""
        return self._answer("measure", image, phrase, threshold=threshold)

    def classify(
        self, image: Sequence[Seen], phrase: Sequence[str], options: Sequence[str], *, threshold: float | None = None
    ) -> list[ResultData]:
        """Classifications."""
        return self._answer("classify", image, phrase, options=list(options), threshold=threshold)

    def ask(self, image: Sequence[Seen], question: Sequence[str], /, *, threshold: float | None = None) -> list[ResultData]:
        """Answers."""
        return self._answer("ask", image, question, threshold=threshold)

    def report(self, image: Sequence[Seen], /, *, threshold: float | None = None) -> list[ResultData]:
        """Reports."""
        return self._answer("report", image, None, threshold=threshold)

    def _answer(self, verb: str, image: Sequence[Seen], phrase: Sequence[str] | None, **settings: Any) -> list[ResultData]:
        """Results of one verb, from the file where it has them."""
        words = [""] * len(image) if phrase is None else phrase
        keys = [
            json.dumps([verb, seen.key, text, settings], ensure_ascii=False) for seen, text in zip(image, words, strict=True)
        ]
        lacking = [place for place, key in enumerate(keys) if key not in self.lines]
        if lacking:
            if self.model is None:
                raise MissingPredictionError(f"{self.path} holds no answer to {keys[lacking[0]]}")
            unseen = list(dict.fromkeys(image[place] for place in lacking if image[place].encoded is None))
            for seen, encoded in zip(unseen, self.model.encode([seen.image for seen in unseen]), strict=True):
                seen.encoded = encoded
            call: Callable[..., list[ResultData]] = getattr(self.model, verb)
            asked = [[words[place] for place in lacking]] if phrase is not None else []
            results = call([image[place].encoded for place in lacking], *asked, **settings)
            self._add({keys[place]: result for place, result in zip(lacking, results, strict=True)})
        return [ResultData.from_dict(json.loads(self.lines[key])) for key in keys]

    def _add(self, answers: dict[str, ResultData]) -> None:
        """Keep answers, and write them behind the others."""
        fresh = {key: json.dumps(result.to_dict(), allow_nan=False) for key, result in answers.items()}
        self.lines |= fresh
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.writelines(f"{key}\t{result}\n" for key, result in fresh.items())

    def _read(self) -> None:
        """Take over what the file holds; a last line without an end was cut off, and is removed from the file."""
        packed = self.path.suffix == ".gz"
        text = gzip.decompress(self.path.read_bytes()).decode("utf-8") if packed else self.path.read_text("utf-8")
        whole, newline, rest = text.rpartition("\n")
        if rest:
            self.path.write_text(whole + newline, "utf-8")
        for number, line in enumerate(whole.split("\n") if whole else (), start=1):
            key, tab, result = line.partition("\t")
            if not tab or not key.startswith("[") or not result.startswith("{"):
                raise ValueError(f"{self.path}, line {number}: no prediction")
            self.lines[key] = result
