"""``UMindVL``: what a user holds. Encode once, ask anything, one pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from umind.checkpoint import EMBEDDED, load, save
from umind.io import ImageSource, as_image
from umind.model import UMindModel
from umind.one_pass import Encoded, OnePass
from umind.processor.processor import UMindProcessor
from umind.schema.image import Clip, UltrasoundImage
from umind.schema.result import Analysis, Detection, Result, Segmentation
from umind.tasks.ask import Ask
from umind.tasks.classify import Classify
from umind.tasks.detect import Detect, detection
from umind.tasks.keypoints import Point
from umind.tasks.measure import Measure
from umind.tasks.readout import Readout
from umind.tasks.registry import Question
from umind.tasks.report import Write
from umind.tasks.segment import Segment

BATCH = 8
"""Images that go through the network together."""

Errors = Literal["raise", "return"]
Image = ImageSource | Encoded
Many = Any
"""A result; a list of results for a list of images; an iterator of results for a clip."""


class UMindVL:
    """Segmentation, detection, keypoints, measurements, classes and words from an ultrasound image and a phrase.

    Every verb takes one image (see `umind.as_image` for the kinds) or what ``encode`` made of it, and returns one result; given a
    list, it returns a list, computed in batches. One phrase goes for every image, a list of phrases pairs with them. With
    ``errors="return"`` a bad image gives its error in its place, and the others still finish. Segment, detect, keypoints and
    classify take a clip and give its frames' results one by one.

    ``threshold=None`` means the calibrated thresholds; 0 keeps everything.

    Args:
        model: Network.
        processor: Its processor.
    """

    def __init__(self, model: UMindModel, processor: UMindProcessor) -> None:
        self.model = model
        self.processor = processor
        self.one_pass = OnePass(model, processor)

    @classmethod
    def from_pretrained(
        cls, source: str | Path | None = None, *, device: str = "cpu", dtype: str = "float32", adapter: str | Path | None = None
    ) -> UMindVL:
        """The embedded umind-tiny, or a model from a folder or hub id.

        Args:
            source: Folder or hub id; the embedded model when None, with no download.
            device: Where to run.
            dtype: Floating type of the weights, as "float32" or "bfloat16".
            adapter: Folder of a LoRA adapter to put on top.

        Raises:
            CheckpointError: The weights are not safetensors, or do not fit their config.
        """
        return cls(*load(EMBEDDED if source is None else source, device=device, dtype=dtype, adapter=adapter))

    def save_pretrained(self, folder: str | Path) -> None:
        """Write config, safetensors, tokenizer and processor."""
        save(self.model, self.processor, Path(folder))

    def encode(self, image: Image | Sequence[Image]) -> Encoded | list[Encoded]:
        """Encode pixels once, to be asked many times; a list is encoded as a batch."""
        if is_many(image):
            return self.one_pass.encode([still(item) for item in image])
        return image if isinstance(image, Encoded) else self.one_pass.encode([still(image)])[0]

    def segment(self, image: Image, phrase: str, *, threshold: float | None = None, errors: Errors = "raise") -> Many:
        """Outline every instance of a phrase: a `Segmentation`."""
        return self._ask(image, phrase, lambda words: Segment(words, threshold), errors, clips=True)

    def detect(self, image: Image, phrase: str, *, threshold: float | None = None, errors: Errors = "raise") -> Many:
        """Box every instance of a phrase: a `Detection`."""
        return self._ask(image, phrase, lambda words: Detect(words, threshold), errors, clips=True)

    def keypoints(self, image: Image, phrase: str, *, threshold: float | None = None, errors: Errors = "raise") -> Many:
        """Find the axis ends of a structure: `Keypoints`."""
        return self._ask(image, phrase, lambda words: Point(words, threshold), errors, clips=True)

    def measure(self, image: Image, phrase: str, *, threshold: float | None = None, errors: Errors = "raise") -> Many:
        """Measure what a phrase names, as "head circumference" or "area of the cyst": a `Measurement`."""
        return self._ask(image, phrase, lambda words: Measure(words, threshold), errors)

    def classify(
        self, image: Image, phrase: str, options: Sequence[str], *, threshold: float | None = None, errors: Errors = "raise"
    ) -> Many:
        """Choose among options: a `Classification`; all options are scored in one forward pass."""
        return self._ask(image, phrase, lambda words: Classify(words, tuple(options), threshold), errors, clips=True)

    def ask(self, image: Image, question: str, *, threshold: float | None = None, errors: Errors = "raise") -> Many:
        """Answer a free question: an `Answer`."""
        return self._ask(image, question, lambda words: Ask(words, threshold), errors)

    def report(self, image: Image, *, threshold: float | None = None, errors: Errors = "raise") -> Many:
        """Write a short report: a `Report`."""
        return self._ask(image, "report", lambda words: Write(threshold), errors)

    def analyze(
        self,
        image: Image,
        find: Sequence[str] = (),
        *,
        measure: Sequence[str] = (),
        classes: Mapping[str, Sequence[str]] = MappingProxyType({}),
        points: Sequence[str] = (),
        text: bool = False,
        threshold: float | None = None,
        errors: Errors = "raise",
    ) -> Many:
        """Everything at once, from one encode and one prefill: an `Analysis`.

        Args:
            image: Image, or list of images.
            find: Phrases to outline and box.
            measure: Measurements to take.
            classes: Options by what is classified.
            points: Structures whose axis ends to find.
            text: Write a report too, going on from the same cache.
            threshold: Least presence and score; the calibrated ones when None.
            errors: What to do with a bad image.
        """
        wanted: list[Question] = [Find(check(phrase), threshold) for phrase in find]
        wanted += [Measure(check(phrase), threshold) for phrase in measure]
        wanted += [Classify(check(phrase), tuple(options), threshold) for phrase, options in classes.items()]
        wanted += [Point(check(phrase), threshold) for phrase in points]
        wanted += [Write(threshold)] if text else []
        if not wanted:
            raise ValueError("analyze wants something to find, measure, classify, point at or write")
        images = list(image) if is_many(image) else [image]
        answers = self._run(images, [wanted] * len(images), errors)
        names = (list(find), list(measure), list(classes), list(points))
        analyses = [
            a if isinstance(a, Exception) else assemble(a, *names, name_of(i)) for i, a in zip(images, answers, strict=True)
        ]
        return analyses if is_many(image) else analyses[0]

    def _ask(self, image: Image, phrase: str, make: Callable[[str], Question], errors: Errors, *, clips: bool = False) -> Many:
        if errors not in ("raise", "return"):
            raise ValueError(f'errors must be "raise" or "return", got {errors!r}')
        if not is_many(image):
            if not isinstance(image, Encoded) and isinstance(source := as_image(image), Clip):
                if not clips:
                    raise ValueError("this verb wants one frame, not a clip: clip[0] is its first")
                return self._frames(source, make(check(phrase)))
            result = self._run([image], [[make(check(phrase))]], "raise")[0]
            return result[0]
        images = list(image)
        phrases = [phrase] * len(images) if isinstance(phrase, str) else list(phrase)
        if len(phrases) != len(images):
            raise ValueError(f"{len(images)} images and {len(phrases)} phrases: give one phrase, or one for each image")
        answers = self._run(images, [[make(check(words))] for words in phrases], errors)
        return [answer if isinstance(answer, Exception) else answer[0] for answer in answers]

    def _frames(self, clip: Clip, question: Question) -> Iterator[Result]:
        for frame in clip:
            yield self.one_pass.answer(self.one_pass.encode([frame]), [[question]])[0][0]

    def _run(
        self, images: Sequence[Image], questions: Sequence[Sequence[Question]], errors: Errors
    ) -> list[list[Result] | Exception]:
        """Answer in batches; an image that cannot be read becomes its error, or raises it."""
        results: list[list[Result] | Exception] = []
        for start in range(0, len(images), BATCH):
            readable: list[Encoded | UltrasoundImage] = []
            faults: dict[int, Exception] = {}
            for index, item in enumerate(images[start : start + BATCH]):
                try:
                    readable.append(item if isinstance(item, Encoded) else still(item))
                except ValueError as error:
                    if errors == "raise":
                        raise
                    faults[index] = error
            fresh = [item for item in readable if isinstance(item, UltrasoundImage)]
            encoded = iter(self.one_pass.encode(fresh) if fresh else [])
            seen = [item if isinstance(item, Encoded) else next(encoded) for item in readable]
            rows = [row for index, row in enumerate(questions[start : start + BATCH]) if index not in faults]
            answers = iter(self.one_pass.answer(seen, rows) if seen else [])
            size = len(readable) + len(faults)
            results += [faults[index] if index in faults else next(answers) for index in range(size)]
        return results


class Find(Segment):
    """Asks for masks and boxes through one token."""

    def read(self, readout: Readout) -> tuple[Segmentation, Detection]:  # type: ignore[override]
        """Both, from the same instances."""
        return super().read(readout), detection(readout.regions[0], readout, self.phrase, self.threshold)


def assemble(
    answers: Sequence[Any],
    find: Sequence[str],
    measure: Sequence[str],
    classes: Sequence[str],
    points: Sequence[str],
    name: str,
) -> Analysis:
    """Sort the answers of ``analyze`` into an `Analysis`."""
    rest = iter(answers)
    found = {phrase: next(rest) for phrase in find}
    return Analysis(
        {phrase: both[0] for phrase, both in found.items()},
        detections={phrase: both[1] for phrase, both in found.items()},
        measurements={phrase: next(rest) for phrase in measure},
        classifications={phrase: next(rest) for phrase in classes},
        keypoints={phrase: next(rest) for phrase in points},
        report=next(rest, None),
        name=name,
    )


def is_many(image: object) -> bool:
    """A list or tuple of images, rather than one."""
    return isinstance(image, list | tuple)


def still(image: Image) -> UltrasoundImage:
    """A single image.

    Raises:
        ImageReadError: It cannot be read.
        ValueError: It is a clip.
    """
    source = image.image if isinstance(image, Encoded) else as_image(image)
    if isinstance(source, Clip):
        raise ValueError(f"{source.name or 'clip'}: a clip where one image is wanted; clip[0] is its first frame")
    return source


def name_of(image: Image) -> str:
    """Name of an image, for an `Analysis`."""
    if isinstance(image, Encoded):
        return image.image.name
    if isinstance(image, str | Path):
        return Path(image).name
    return image.name if isinstance(image, UltrasoundImage) else ""


def check(phrase: str) -> str:
    """The phrase without outer blanks.

    Raises:
        ValueError: It is empty, or no text.
    """
    if not isinstance(phrase, str) or not phrase.strip():
        raise ValueError(f"a phrase must be a non-empty text, got {phrase!r}")
    return phrase.strip()
