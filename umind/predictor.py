"""``UMindVL``: what a user holds. Encode once, ask anything, one pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import repeat
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, overload

from umind.backbone.pixels import PixelConfig
from umind.backbone.quantized import Bits
from umind.checkpoint import load, load_backbone, save
from umind.decoders.config import DecoderConfig
from umind.io import ImageSource, as_image
from umind.model import UMindModel
from umind.one_pass import Encoded, OnePass
from umind.processor.processor import UMindProcessor
from umind.protocols.gather import Masks, Points, Values
from umind.schema.image import Clip, UltrasoundImage
from umind.schema.study import Study
from umind.tasks.analyze import Analyze
from umind.tasks.ask import Ask
from umind.tasks.cine import Trace, cine_of, measured_cine
from umind.tasks.classify import Classify
from umind.tasks.detect import Detect
from umind.tasks.keypoints import Point
from umind.tasks.measure import Measure
from umind.tasks.question import Question, Refusable
from umind.tasks.report import Write
from umind.tasks.segment import Segment

BATCH_SIZE = 8
"""Images that go through the network together; more only where one study has more."""

Errors = Literal["raise", "return"]
Image = ImageSource | Encoded | Study[Any]
Several = list[Image] | tuple[Image, ...]
Images = Image | Several
Phrases = str | Sequence[str]
Turns = Sequence[tuple[str, str]]
Many = Any
"""A result; a list of results for a list of images; an iterator of results for a clip."""


class UMindVL:
    """Segmentation, detection, keypoints, measurements, classes and words from an ultrasound image and a phrase.

    Every verb takes one image (a path, PIL, NumPy, torch, `UltrasoundImage`) or what ``encode`` made of it, and returns one
    result; given a list, it returns a list, computed in batches. One phrase goes for every image, a list of phrases pairs
    with them. With ``errors="return"`` a bad image gives its error in its place, and the others still finish. Segment,
    detect, keypoints and classify take a clip and give its frames' results one by one.

    ``ask`` and ``report`` take a `Study` too, wherever they take an image: several images of one examination as one question.

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
            source: Folder or hub id; the embedded model for None and for "umind-tiny", with no download.
            device: Where to run.
            dtype: Floating type of the language model, as "float32" or "bfloat16"; pixel encoder and decoders have float32.
            adapter: Folder or hub id of an adapter that was learnt around it, to be merged into it.

        Raises:
            CheckpointError: The weights are not safetensors, or do not fit their config.
        """
        return cls(*load(source, device=device, dtype=dtype, adapter=adapter))

    @classmethod
    def from_backbone(
        cls,
        source: str | Path,
        *,
        device: str = "cpu",
        dtype: str = "float32",
        pixels: PixelConfig | None = None,
        decoders: DecoderConfig | None = None,
        adapter: str | Path | None = None,
        quantize: Bits | None = None,
    ) -> UMindVL:
        """A Qwen2-VL, Qwen2.5-VL or Qwen3-VL (dense or with experts), a fine-tune of one, or EchoVLM, that can learn to point.

        Its words, vision tower and answers are what they were. The task tokens, the pixel encoder and the decoders are new and
        untrained: masks, boxes and points mean something after `umind fit`. They are read from the model's own frame, so they
        are in source pixels whatever size the tower sees.

        Args:
            source: Folder or hub id; of EchoVLM a folder, as its makers publish it.
            device: Where to run.
            dtype: Floating type of its weights, as "float32" or "bfloat16"; pixel encoder and decoders have float32.
            pixels: Sizes of the pixel encoder; those of umind-tiny when None.
            decoders: Sizes of the decoders; those of umind-tiny when None.
            adapter: Folder or hub id of what `umind fit` learnt around this model: products, rows of the task tokens, pixel
                encoder and decoders, to be merged into it.
            quantize: "nf4" (bitsandbytes) or "int8" (torchao) for the linear layers of the language model, which take about a
                quarter or half of the memory of bf16; with `pip install 'umind[quantization]'`. An adapter's products stay
                beside ``nf4`` weights. What is quantised is not saved: keep the source and the adapter.

        Raises:
            CheckpointError: It is no Qwen-VL, its weights are not safetensors or do not fit their config, or the adapter is of
                another model.
            ImportError: The package that quantises is not installed.
            ValueError: It has no chat template for images, or experts, which are not quantised.
        """
        return cls(
            *load_backbone(
                source, device=device, dtype=dtype, pixels=pixels, decoders=decoders, adapter=adapter, quantize=quantize
            )
        )

    def save_pretrained(self, folder: str | Path) -> None:
        """Write config, safetensors, tokenizer and processor.

        Raises:
            ValueError: Its weights are quantised.
        """
        save(self.model, self.processor, Path(folder))

    @overload
    def encode(self, image: ImageSource | Encoded) -> Encoded: ...
    @overload
    def encode(self, image: Study[Any]) -> Study[Encoded]: ...
    @overload
    def encode(self, image: list[Any] | tuple[Any, ...]) -> list[Any]: ...
    def encode(self, image: Any) -> Any:
        """Encode pixels once, to be asked many times; a list gives a list, and a `Study` one of encoded images."""
        if isinstance(image, list | tuple):
            return [self.encode(item) for item in image]
        if isinstance(image, Study):
            return Study(self.encode(list(image)))
        return image if isinstance(image, Encoded) else self.one_pass.encode([still(image, self.processor)])[0]

    def segment(self, image: Images, phrase: Phrases, *, threshold: float | None = None, errors: Errors = "raise") -> Many:
        """Outline every instance of a phrase: a `Segmentation`."""
        return self._ask(image, phrase, lambda words: Segment(words, threshold), errors, clips=True)

    def detect(self, image: Images, phrase: Phrases, *, threshold: float | None = None, errors: Errors = "raise") -> Many:
        """Box every instance of a phrase: a `Detection`."""
        return self._ask(image, phrase, lambda words: Detect(words, threshold), errors, clips=True)

    def keypoints(self, image: Images, phrase: Phrases, *, threshold: float | None = None, errors: Errors = "raise") -> Many:
        """Find the axis ends of a structure: `Keypoints`."""
        return self._ask(image, phrase, lambda words: Point(words, threshold), errors, clips=True)

    def measure(
        self,
        image: Images,
        phrase: Phrases,
        *,
        threshold: float | None = None,
        errors: Errors = "raise",
        masks: Masks = MappingProxyType({}),
        points: Points = MappingProxyType({}),
        values: Values = MappingProxyType({}),
    ) -> Many:
        """Measure what a phrase names, as "head circumference" or "area of the cyst": a `Measurement`.

        The model finds the regions that the protocol wants; the rest is given by name of the input, as in
        `umind.protocols.measure`, which needs no model and does the work for one image when every input is given.

        Args:
            image: Image, or list of images; a clip where the protocol follows a structure through its frames.
            phrase: What to measure.
            threshold: Least presence; the calibrated one when None.
            errors: What to do with a bad image.
            masks: Regions that are known, in source pixels.
            points: Points, xy in source pixels.
            values: Numbers in the unit of their input, `Measurement`s, and words.

        Raises:
            MissingInputError: An input is neither given nor one that the model predicts; the message says how to give it.
            UncalibratedError: The protocol wants millimetres, or square pixels, and the image has no spacing.
        """
        source = image if isinstance(image, Encoded | Study | list | tuple) else as_image(image)
        if isinstance(source, Clip) and (wanted := cine_of(check(phrase), (*masks, *points, *values))):
            frames = [self._batches([frame], [Trace(wanted[1], threshold)], "raise")[0] for frame in source]
            return measured_cine(*wanted, frames, check(phrase), masks, points, values)
        if isinstance(source, UltrasoundImage | Encoded) and isinstance(phrase, str):
            question = Measure(check(phrase), threshold, masks, points, values)
            if not question.predicted:
                return question.by_hand(source.image if isinstance(source, Encoded) else source)

        return self._ask(source, phrase, lambda words: Measure(words, threshold, masks, points, values), errors)

    def classify(
        self,
        image: Images,
        phrase: str,
        options: Sequence[str],
        *,
        threshold: float | None = None,
        errors: Errors = "raise",
    ) -> Many:
        """Choose among options: a `Classification`; all options are scored in one forward pass."""
        return self._ask(image, phrase, lambda words: Classify(words, tuple(options), threshold), errors, clips=True)

    def ask(
        self,
        image: Images,
        question: Phrases,
        *,
        history: Turns | Sequence[Turns] = (),
        threshold: float | None = None,
        errors: Errors = "raise",
    ) -> Many:
        """Answer a free question, perhaps the next one of a conversation: an `Answer`.

        The answer about a `Study` of several images is words and no more: what the model would point at or measure is left out
        of the text, and ``evidence`` is empty. umind-tiny has learnt from single images and single questions.

        Args:
            image: Image, `Study`, or list of them.
            question: Words of the question; for a list one for all, or one for each.
            history: Earlier questions with the texts of their answers, the first one first, as ``[("Where is it?", "Left.")]``;
                for a list of images a list of such histories, one for each.
            threshold: Least presence and score of what the answer points at; the calibrated ones when None.
            errors: What to do with a bad image.
        """
        earlier: Iterator[Any] = repeat(history)
        if isinstance(image, list | tuple) and history:
            if len(history) != len(image):
                raise ValueError(f"{len(image)} images and {len(history)} histories: give one for each image")
            earlier = iter(history)
        return self._ask(image, question, lambda words: Ask(words, threshold, next(earlier)), errors, studies=True)

    def report(self, image: Images, *, threshold: float | None = None, errors: Errors = "raise") -> Many:
        """Write a short report: a `Report`; about a `Study` of several images words and no more, as ``ask`` answers."""
        return self._ask(image, "report", lambda words: Write(threshold), errors, studies=True)

    def analyze(
        self,
        image: Images,
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

        A measurement that wants millimetres, or square pixels, from an image without spacing is listed as refused.

        Args:
            image: Image, or list of images.
            find: Phrases to outline and box.
            measure: Measurements to take.
            classes: Options by what is classified.
            points: Structures whose axis ends to find.
            text: Write a report too, going on from the same cache.
            threshold: Least presence and score; the calibrated ones when None.
            errors: What to do with a bad image.

        Raises:
            MissingInputError: A measurement wants points or numbers, which only ``measure`` takes.
        """
        options = {phrase: tuple(labels) for phrase, labels in classes.items()}
        question = Analyze(tuple(find), tuple(measure), options, tuple(points), text, threshold)
        return self._ask(image, "analyze", lambda _: question, errors)

    def _ask(
        self,
        image: Images,
        phrase: Phrases,
        make: Callable[[str], Question[Any]],
        errors: Errors,
        *,
        clips: bool = False,
        studies: bool = False,
    ) -> Many:
        if errors not in ("raise", "return"):
            raise ValueError(f'errors must be "raise" or "return", got {errors!r}')
        if isinstance(image, list | tuple):
            phrases = [phrase] * len(image) if isinstance(phrase, str) else list(phrase)
            if len(phrases) != len(image):
                raise ValueError(f"{len(image)} images and {len(phrases)} phrases: give one phrase, or one for each image")
            return self._batches(image, [make(check(words)) for words in phrases], errors, studies)
        question = make(check(phrase))
        source = image if isinstance(image, Encoded | Study) else as_image(image)
        if isinstance(source, Clip) and clips:
            return (self._batches([frame], [question], "raise")[0] for frame in source)
        return self._batches([source], [question], "raise", studies)[0]

    def _batches(
        self, images: Sequence[Image], questions: Sequence[Question[Any]], errors: Errors, studies: bool = False
    ) -> list[Any]:
        """Answer in batches; an image that cannot be read, or cannot give what is asked, raises its error, or becomes it."""
        if errors == "return":
            questions = [Refusable(question) for question in questions]
        results: dict[int, Any] = {}
        for places in batches([len(item) if isinstance(item, Study) else 1 for item in images]):
            found = {place: attempt(images[place], errors, studies, self.processor) for place in places}
            read = {place: item for place, item in found.items() if isinstance(item, tuple)}
            results |= {place: item for place, item in found.items() if place not in read}
            fresh = iter(
                self.one_pass.encode([one for item in read.values() for one in item if isinstance(one, UltrasoundImage)])
            )
            seen = [tuple(one if isinstance(one, Encoded) else next(fresh) for one in item) for item in read.values()]
            answers = self.one_pass.answer(seen, [questions[place] for place in read]) if seen else []
            results |= dict(zip(read, answers, strict=True))
        return [results[place] for place in range(len(images))]


def batches(sizes: Sequence[int]) -> Iterator[list[int]]:
    """Places of what goes through the network together, each once: single images with single ones, studies with studies.

    Args:
        sizes: How many images each has.
    """
    for several in (False, True):
        batch: list[int] = []
        for place in (place for place, size in enumerate(sizes) if (size > 1) == several):
            if batch and sum(sizes[other] for other in (*batch, place)) > BATCH_SIZE:
                yield batch
                batch = []
            batch.append(place)
        if batch:
            yield batch


def attempt(
    image: Image, errors: Errors, studies: bool, processor: UMindProcessor
) -> tuple[Encoded | UltrasoundImage, ...] | ValueError:
    """An image, or those of a study, ready for the network, or why they cannot be."""
    try:
        if isinstance(image, Study) and not studies:
            raise ValueError(
                f"a study of {len(image)} images where one image is wanted: ask about each image, as in a list of them; "
                "only `ask` and `report` take a study"
            )
        items = image.images if isinstance(image, Study) else (image,)
        return tuple(item if isinstance(item, Encoded) else still(item, processor) for item in items)
    except ValueError as error:
        if errors == "raise":
            raise
        return error


def still(image: ImageSource, processor: UMindProcessor) -> UltrasoundImage:
    """A single image.

    Raises:
        ImageReadError: It cannot be read, or the model's vision tower does not take its shape.
        ValueError: It is a clip.
    """
    source = as_image(image)
    if isinstance(source, Clip):
        raise ValueError(f"{source.name or 'clip'}: a clip where one image is wanted; clip[0] is its first frame")
    processor.check(source)
    return source


def check(phrase: object) -> str:
    """The phrase without outer blanks.

    Raises:
        ValueError: It is empty, or no text.
    """
    if not isinstance(phrase, str) or not phrase.strip():
        raise ValueError(f"a phrase must be a non-empty text, got {phrase!r}")
    return phrase.strip()
