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
from umind.tokens.slots import IGNORED, IMAGE_ID, PAD_ID
from umind.tokens.template import Block, encode_block


class UMindImageProcessor(ImageProcessingMixin):
    """Letterboxes and normalises grey images.

    Args:
        size: Side of the square model frame, in pixels.
    """

    model_input_names: ClassVar[list[str]] = ["pixel_values"]

    def __init__(self, size: int = 256, **kwargs: Any) -> None:
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]
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
        super().__init__(image_processor, tokenizer, **kwargs)  # type: ignore[no-untyped-call]

    def __call__(self, images: Sequence[UltrasoundImage], questions: Sequence[Sequence[Block]]) -> BatchFeature:
        """Pixel values, ids, mask and labels (see ``pack``) of images, each with its questions."""
        pixel_values, _ = self.image_processor(images)
        return BatchFeature({"pixel_values": pixel_values, **self.pack(questions)})

    def pack(self, questions: Sequence[Sequence[Block]]) -> BatchFeature:
        """Ids of image prefix and blocks, one row for each sequence of questions, padded on the left.

        Returns:
            ``input_ids`` and ``attention_mask`` ``(B, L)``, and ``labels`` ``(B, L)``: the token that each place has to
            predict for the responses to come out, ``IGNORED`` where none.
        """
        sequences = [self.sequence(blocks) for blocks in questions]
        length = max(len(ids) for ids, _ in sequences)
        return BatchFeature(
            {
                "input_ids": torch.tensor([[PAD_ID] * (length - len(ids)) + ids for ids, _ in sequences]),
                "attention_mask": torch.tensor([[0] * (length - len(ids)) + [1] * len(ids) for ids, _ in sequences]),
                "labels": torch.tensor([[IGNORED] * (length - len(ids)) + labels for ids, labels in sequences]),
            }
        )

    def sequence(self, blocks: Sequence[Block]) -> tuple[list[int], list[int]]:
        """Ids of one packed sequence, and the token that each place has to predict."""
        ids, labels = [IMAGE_ID] * self.num_image_tokens, [IGNORED] * self.num_image_tokens
        for block in blocks:
            tokens, begin = encode_block(self.tokenizer, block)
            ids += tokens
            labels += [IGNORED] * (begin - 1) + tokens[begin:] + [IGNORED]
        return ids, labels
