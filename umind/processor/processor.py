"""Images to pixel values, questions to packed ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from transformers import BatchFeature, PreTrainedTokenizerFast, ProcessorMixin
from transformers.image_processing_base import ImageProcessingMixin

from umind.geometry.frame import FrameMap
from umind.processor.letterbox import letterbox, normalise
from umind.schema.image import UltrasoundImage
from umind.tokens.slots import IMAGE_ID
from umind.tokens.template import Block, encode_block
from umind.tokens.vocabulary import PAD, SPECIAL_TOKENS


class UMindImageProcessor(ImageProcessingMixin):
    """Letterboxes and normalises grey images.

    Args:
        size: Side of the square model frame, in pixels.
    """

    model_input_names: ClassVar[list[str]] = ["pixel_values"]

    def __init__(self, size: int = 256, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = size

    def __call__(self, images: Sequence[UltrasoundImage]) -> tuple[Float[Tensor, "b 1 s s"], tuple[FrameMap, ...]]:
        """Pixel values of a batch of images of any sizes, and each one's map to the model's frame."""
        squares, frames = zip(*(letterbox(image.grey, self.size) for image in images), strict=True)
        return torch.from_numpy(normalise(np.stack(squares)))[:, None], frames


class UMindProcessor(ProcessorMixin):
    """Image processor and tokenizer in one, with the layout of packed sequences.

    Args:
        image_processor: Images to pixel values.
        tokenizer: Byte-level BPE with the special tokens of `umind.tokens.vocabulary`.
        num_image_tokens: Visual tokens in front of every sequence.
    """

    def __init__(
        self,
        image_processor: UMindImageProcessor | None = None,
        tokenizer: PreTrainedTokenizerFast | None = None,
        num_image_tokens: int = 64,
        **kwargs: Any,
    ) -> None:
        self.num_image_tokens = num_image_tokens
        super().__init__(image_processor, tokenizer, **kwargs)

    def __call__(self, images: Sequence[UltrasoundImage], questions: Sequence[Sequence[Block]]) -> BatchFeature:
        """``pixel_values``, ``input_ids`` and ``attention_mask`` for images, each with its questions."""
        pixel_values, _ = self.image_processor(images)
        return BatchFeature({"pixel_values": pixel_values, **self.pack(questions)})

    def pack(self, questions: Sequence[Sequence[Block]]) -> BatchFeature:
        """Ids of image prefix and blocks, one row for each sequence of questions, padded on the left."""
        rows = [
            [IMAGE_ID] * self.num_image_tokens + [token for block in blocks for token in encode_block(self.tokenizer, block)[0]]
            for blocks in questions
        ]
        return pad_left(rows)


def pad_left(rows: Sequence[Sequence[int]]) -> BatchFeature:
    """``input_ids`` and ``attention_mask`` of sequences of different lengths."""
    length = max(map(len, rows))
    input_ids = torch.full((len(rows), length), SPECIAL_TOKENS.index(PAD))
    attention_mask = torch.zeros(len(rows), length, dtype=torch.long)
    for index, row in enumerate(rows):
        input_ids[index, length - len(row) :] = torch.tensor(row)
        attention_mask[index, length - len(row) :] = 1
    return BatchFeature({"input_ids": input_ids, "attention_mask": attention_mask})
