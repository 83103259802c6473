"""One pass: encoded images and their questions in, results out; generation goes on from the same cache."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from jaxtyping import Int
from torch import Tensor
from transformers import BatchFeature

from umind.backbone.pixels import PixelFeatures
from umind.decoders.text.head import response_likelihoods
from umind.geometry.frame import FrameMap
from umind.model import StateRecorder, UMindModel, UMindOutput
from umind.processor.processor import UMindProcessor
from umind.schema.image import UltrasoundImage
from umind.schema.result import Result
from umind.tasks.readout import Calibration, Points, Readout, Region, read_heatmaps, read_regions
from umind.tasks.registry import Question
from umind.tokens.slots import Slots, find_slots, layout, visible_to_last_block
from umind.tokens.vocabulary import END, KPT, REGION_TOKENS, SPECIAL_TOKENS

MAX_NEW_TOKENS = 160
END_ID = SPECIAL_TOKENS.index(END)


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
        pixel_values, frames = self.processor.image_processor(images)
        features = self.model.encode(pixel_values.to(self.model.device, self.model.dtype))
        return [
            Encoded(image, frame, features[index : index + 1])
            for index, (image, frame) in enumerate(zip(images, frames, strict=True))
        ]

    @torch.inference_mode()
    def answer(self, seen: Sequence[Encoded], questions: Sequence[Sequence[Question]]) -> list[list[Result]]:
        """Answer every question to every image from one prefill; what is open is generated from its cache.

        Args:
            seen: Encoded images.
            questions: Questions to each of them; either every image's last question has an open block, or none has.
        """
        blocks = [[block for question in row for block in question.blocks()] for row in questions]
        packed = self.processor.pack(blocks).to(self.model.device)
        features = PixelFeatures.cat([item.features for item in seen])
        generates = any(block.response is None for row in blocks for block in row)
        output = self.model(
            input_ids=packed["input_ids"],
            attention_mask=packed["attention_mask"],
            features=features,
            use_cache=generates,
        )
        block_ids = layout(packed["input_ids"], packed["attention_mask"]).block_ids
        likelihoods = response_likelihoods(output.logits, packed["labels"], block_ids).cpu().numpy()
        regions = self._by_block(find_slots(packed["input_ids"], REGION_TOKENS), block_ids, self._regions(output))
        heatmaps = find_slots(packed["input_ids"], (KPT,))
        texts = [""] * len(seen)
        spoken: list[tuple[Region, ...]] = [()] * len(seen)
        if generates:
            texts, spoken = self._generate(packed, output, features)
        results: list[list[Result]] = []
        for row, item in enumerate(seen):
            first, answers = 1, []
            for question in questions[row]:
                last = first + len(question.blocks())
                mine = [region for number in range(first, last) for region in regions.get((row, number), [])]
                points = self._points(output, heatmaps, block_ids, row, first, last)
                is_open = question.blocks()[-1].response is None
                readout = Readout(
                    item.image,
                    item.frame,
                    (*mine, *(spoken[row] if is_open else ())),
                    points,
                    likelihoods[row, first - 1 : last - 1],
                    texts[row] if is_open else "",
                    self.calibration,
                )
                answers.append(question.read(readout))
                first = last
            results.append(answers)
        return results

    def _regions(self, output: UMindOutput) -> list[Region]:
        return list(read_regions(output.regions, self.calibration))

    @staticmethod
    def _by_block(slots: Slots, block_ids: Int[Tensor, "b l"], regions: list[Region]) -> dict[tuple[int, int], list[Region]]:
        """Regions by image and block."""
        places: dict[tuple[int, int], list[Region]] = {}
        blocks = block_ids[slots.rows, slots.columns].tolist()
        for row, block, region in zip(slots.rows.tolist(), blocks, regions, strict=True):
            places.setdefault((row, block), []).append(region)
        return places

    @staticmethod
    def _points(output: UMindOutput, slots: Slots, block_ids: Int[Tensor, "b l"], row: int, first: int, last: int) -> Points:
        """Points of an image's blocks ``first`` up to ``last``."""
        block = block_ids[slots.rows, slots.columns]
        return read_heatmaps(output.heatmaps[(slots.rows == row) & (block >= first) & (block < last)])

    def _generate(
        self, packed: BatchFeature, output: UMindOutput, features: PixelFeatures
    ) -> tuple[list[str], list[tuple[Region, ...]]]:
        """Greedy continuation of each sequence's last block, and the regions of the task tokens in it.

        The states are recorded while generating. A task token that is the very last one generated has had no step of its own;
        one more step gives its state.
        """
        ids, mask = packed["input_ids"], packed["attention_mask"]
        length = ids.shape[1]
        cache = output.past_key_values
        cache.crop(-1)  # generate wants at least one token to go on from: the last is run again
        recorder = StateRecorder()
        generated = self.model.generate(
            input_ids=ids,
            attention_mask=visible_to_last_block(layout(ids, mask)),
            past_key_values=cache,
            recorder=recorder,
            max_new_tokens=MAX_NEW_TOKENS,
            do_sample=False,
            return_dict_in_generate=True,
        )
        words = generated.sequences[:, length:]
        if words.shape[1] == MAX_NEW_TOKENS:
            self._step(generated.sequences, visible_to_last_block(layout(ids, mask)), generated.past_key_values, recorder)
        said, hidden = recorder.sequence()
        said = said.masked_fill((said == END_ID).cumsum(1) > 0, END_ID)
        regions, _ = self.model.decode(said, hidden, features)
        slots = find_slots(said, REGION_TOKENS)
        spoken: list[list[Region]] = [[] for _ in range(len(ids))]
        for row, region in zip(slots.rows.tolist(), read_regions(regions, self.calibration), strict=True):
            spoken[row].append(region)
        return [self._words(row) for row in words], [tuple(found) for found in spoken]

    def _step(self, sequences: Int[Tensor, "b l"], mask: Int[Tensor, "b l"], cache: object, recorder: StateRecorder) -> None:
        """Feed the last generated token, so that its state is recorded too."""
        grown = torch.cat([mask, mask.new_ones(len(mask), sequences.shape[1] - mask.shape[1])], 1)
        self.model(
            input_ids=sequences[:, -1:],
            attention_mask=grown,
            position_ids=grown.cumsum(1)[:, -1:] - 1,
            past_key_values=cache,
            use_cache=True,
            recorder=recorder,
        )

    def _words(self, ids: Int[Tensor, "t"]) -> str:
        """Text of generated ids up to the end, task tokens included."""
        stop = (ids == END_ID).nonzero()
        spoken = ids[: int(stop[0])] if len(stop) else ids
        text: str = self.processor.tokenizer.decode(spoken.tolist())
        return text.strip()
