"""One pass: encoded images and their questions in, results out; generation goes on from the same cache."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TypeVar

import torch
from jaxtyping import Int
from torch import Tensor
from transformers import BatchFeature
from transformers.generation.utils import GenerateDecoderOnlyOutput

from umind.backbone.pixels import PixelFeatures
from umind.decoders.text.head import response_likelihoods
from umind.geometry.frame import FrameMap
from umind.model import StateRecorder, UMindModel, UMindOutput
from umind.processor.processor import UMindProcessor
from umind.schema.image import UltrasoundImage
from umind.tasks.question import Question
from umind.tasks.readout import BlockReadout, Calibration, Readout, Region, read_regions
from umind.tokens.slots import Slots, find_slots, layout, visible_to_last_block
from umind.tokens.vocabulary import REGION_TOKENS

MAX_NEW_TOKENS = 160
ResultT = TypeVar("ResultT")
ValueT = TypeVar("ValueT")


@dataclass(frozen=True, eq=False)
class Encoded:
    """An image whose pixels have been encoded; every verb takes it in place of the image.

    Args:
        image: The source.
        frame: Map between source and model frame.
        features: Its features, a batch of one.
    """

    image: UltrasoundImage
    frame: FrameMap
    features: PixelFeatures


class OnePass:
    """Runs the network for the verbs.

    Args:
        model: In evaluation mode.
        processor: Its processor.
    """

    def __init__(self, model: UMindModel, processor: UMindProcessor) -> None:
        self.model = model
        self.processor = processor

    @property
    def calibration(self) -> Calibration:
        """Thresholds and temperatures of the model's config."""
        return Calibration(**{field.name: getattr(self.model.config, field.name) for field in fields(Calibration)})

    @torch.inference_mode()
    def encode(self, images: Sequence[UltrasoundImage]) -> list[Encoded]:
        """Pixels to features, all images as one batch."""
        if not images:
            return []
        pixel_values, frames = self.processor.image_processor(images)
        patches = self.processor.patches([image.pixels for image in images])
        features = self.model.encode(
            pixel_values.to(self.model.device, self.model.dtype), patches and patches.to(self.model.device)
        )
        return [
            Encoded(image, frame, features[index : index + 1])
            for index, (image, frame) in enumerate(zip(images, frames, strict=True))
        ]

    @torch.inference_mode()
    def answer(self, seen: Sequence[tuple[Encoded, ...]], questions: Sequence[Question[ResultT]]) -> list[ResultT]:
        """Put each question to its image or images, all in one prefill; what it leaves open is generated from its cache.

        Args:
            seen: What each question is about: one encoded image everywhere; or several, and then one open block asks for words.
            questions: Of one kind: the last block of each is open, or of none.
        """
        blocks = [question.blocks() for question in questions]
        features = PixelFeatures.cat([image.features for images in seen for image in images])
        packed = self.processor.pack(blocks, features.counts, [len(images) for images in seen]).to(self.model.device)
        ids, mask, special = packed["input_ids"], packed["attention_mask"], self.model.config.ids
        is_open = blocks[0][-1].response is None
        least = min(self.calibration.least_logit(question.threshold) for question in questions)
        output = self.model(input_ids=ids, attention_mask=mask, features=features, use_cache=is_open, least=least)
        block_ids = layout(ids, mask, special).block_ids
        likelihoods = response_likelihoods(output.logits, packed["labels"], block_ids).tolist()
        read = list(read_regions(output.regions, output.points, self.calibration))
        regions = by_block(find_slots(ids, REGION_TOKENS, special), block_ids, read)
        written = self._generate(packed, output, features, least) if is_open else [("", ())] * len(seen)
        results = []
        for row, (images, question, (text, spoken)) in enumerate(zip(seen, questions, written, strict=True)):
            last = len(blocks[row])
            readouts = tuple(
                BlockReadout(
                    spoken if is_open and number == last else tuple(regions[row, number]),
                    likelihoods[row][number - 1],
                    text if number == last else "",
                )
                for number in range(1, last + 1)
            )
            results.append(question.read(Readout(images[0].image, images[0].frame, readouts, self.calibration)))
        return results

    def _generate(
        self, packed: BatchFeature, output: UMindOutput, features: PixelFeatures, least: float
    ) -> list[tuple[str, tuple[Region, ...]]]:
        """Greedy continuation of each sequence's last block: its text, and the regions of the task tokens in it.

        Where sequences have several images, no task token could say which of them it means: all are taken out.

        The states are recorded while generating. A task token that is the very last one generated has had no step of its own;
        one more step gives its state.
        """
        ids, special = packed["input_ids"], self.model.config.ids
        mask = visible_to_last_block(layout(ids, packed["attention_mask"], special))
        length = ids.shape[1]
        cache = output.past_key_values
        assert cache is not None
        cache.crop(-1)  # generate wants at least one token to go on from: the last is run again
        recorder = StateRecorder()
        generated: GenerateDecoderOnlyOutput = self.model.generate(  # type: ignore[misc, assignment]
            input_ids=ids,
            attention_mask=mask,
            features=features,
            decode=False,
            past_key_values=cache,
            recorder=recorder,
            max_new_tokens=MAX_NEW_TOKENS,
            do_sample=False,
            return_dict_in_generate=True,
        )
        words = generated.sequences[:, length:]
        if len(features) > len(ids):
            tasks = torch.tensor(special.tasks, device=words.device)
            return [(self._words(row[~torch.isin(row, tasks)]), ()) for row in words]
        if words.shape[1] == MAX_NEW_TOKENS:
            excess = self.model.side.excess(features, ids == special.image)
            self._step(generated.sequences, mask, excess, generated.past_key_values, recorder)
        said, hidden = recorder.sequence()
        said = said.masked_fill((said == special.end).cumsum(1) > 0, special.end)
        read = list(read_regions(*self.model.decode(said, hidden, features, least=least), self.calibration))
        found = by_block(find_slots(said, REGION_TOKENS, special), torch.zeros_like(said), read)
        return [(self._words(row), tuple(found[index, 0])) for index, row in enumerate(words)]

    def _step(
        self,
        sequences: Int[Tensor, "b l"],
        mask: Int[Tensor, "b l"],
        excess: Int[Tensor, "b 1"],
        cache: object,
        recorder: StateRecorder,
    ) -> None:
        """Feed the last generated token, so that its state is recorded too."""
        grown = torch.cat([mask, mask.new_ones(len(mask), sequences.shape[1] - mask.shape[1])], 1)
        self.model(
            input_ids=sequences[:, -1:],
            attention_mask=grown,
            position_ids=grown.cumsum(1)[:, -1:] - 1 + excess,
            past_key_values=cache,
            use_cache=True,
            recorder=recorder,
        )

    def _words(self, ids: Int[Tensor, "t"]) -> str:
        """Text of generated ids up to the end, task tokens included."""
        stop = (ids == self.model.config.ids.end).nonzero()
        spoken = ids[: int(stop[0])] if len(stop) else ids
        text: str = self.processor.tokenizer.decode(spoken.tolist())
        return text.strip()


def by_block(slots: Slots, block_ids: Int[Tensor, "b l"], values: Sequence[ValueT]) -> dict[tuple[int, int], list[ValueT]]:
    """What was read at each slot, by image and block; empty lists where a block has none."""
    places: dict[tuple[int, int], list[ValueT]] = defaultdict(list)
    blocks = block_ids[slots.rows, slots.columns].tolist()
    for row, block, value in zip(slots.rows.tolist(), blocks, values, strict=True):
        places[row, block].append(value)
    return places
