"""Images to pixel values, questions to packed ids."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any, ClassVar

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from transformers import BatchFeature, PreTrainedTokenizerFast, ProcessorMixin, Qwen2VLImageProcessor
from transformers.image_processing_base import ImageProcessingMixin

from umind.geometry.frame import FrameMap
from umind.processor.letterbox import letterbox, normalise
from umind.schema.batch import Patches
from umind.schema.errors import ImageReadError
from umind.schema.image import UltrasoundImage
from umind.tokens.slots import IGNORED
from umind.tokens.template import Block, encode_blocks
from umind.tokens.vocabulary import OWN_IDS, TokenIds

MAX_RATIO = 200
"""Of an image's longer side to its shorter one, for the vision tower of any Qwen-VL."""


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
        tokenizer: With the special tokens of `umind.tokens.vocabulary`.
        num_image_tokens: Visual tokens in front of every sequence, where the pixel encoder gives them.
        patcher: What a Qwen-VL takes its own look at images with; None for a language model without vision.
        ids: Of the special tokens; the model's config keeps them.
    """

    def __init__(
        self,
        image_processor: UMindImageProcessor | None = None,
        tokenizer: PreTrainedTokenizerFast | None = None,
        num_image_tokens: int = 64,
        patcher: Qwen2VLImageProcessor | None = None,
        ids: TokenIds = OWN_IDS,
        **kwargs: Any,
    ) -> None:
        self.num_image_tokens = num_image_tokens
        self.patcher = patcher
        self.token_ids = ids
        super().__init__(image_processor, tokenizer, **kwargs)  # type: ignore[no-untyped-call]

    def __call__(self, images: Sequence[UltrasoundImage], questions: Sequence[Sequence[Block]]) -> BatchFeature:
        """Pixel values, ids, mask and labels (see ``pack``) of images, each with its questions, and ``patches``."""
        for image in images:
            self.check(image)
        pixel_values, _ = self.image_processor(images)
        patches = self.patches([image.pixels for image in images])
        packed = self.pack(questions, None if patches is None else patches.counts)
        return BatchFeature({"pixel_values": pixel_values, **packed, **({"patches": patches} if patches else {})})

    def check(self, image: UltrasoundImage) -> None:
        """Refuse an image that the language side's own vision tower does not take; without a tower every image will do.

        Raises:
            ImageReadError: A side is more than ``MAX_RATIO`` times the other.
        """
        sides = image.height, image.width
        if self.patcher is not None and max(sides) > MAX_RATIO * min(sides):
            raise ImageReadError(
                f"{image.name or 'image'}: {image.height} x {image.width} pixels; a Qwen-VL takes none with one side more than "
                f"{MAX_RATIO} times the other: crop it"
            )

    def patches(self, images: Sequence[UInt8[np.ndarray, "h w *channels"]]) -> Patches | None:
        """What the language side's own vision tower takes of images; None if it has no tower.

        Raises:
            ValueError: One is of those that ``check`` refuses.
        """
        if self.patcher is None:
            return None
        coloured = [cv2.cvtColor(image, cv2.COLOR_GRAY2RGB) if image.ndim == 2 else image for image in images]
        cut = self.patcher(images=coloured, input_data_format="channels_last", return_tensors="pt")
        return Patches(cut["pixel_values"], cut["image_grid_thw"], self.patcher.merge_size)

    def pack(
        self, questions: Sequence[Sequence[Block]], counts: Sequence[int] | None = None, num_images: Sequence[int] | None = None
    ) -> BatchFeature:
        """Ids of image prefix and blocks, one row for each sequence of questions, padded on the left.

        Args:
            questions: Blocks of each row.
            counts: Visual tokens of each image, row after row; ``num_image_tokens`` of every one when None.
            num_images: Images of each row; one when None.

        Returns:
            ``input_ids`` and ``attention_mask`` ``(B, L)``, and ``labels`` ``(B, L)``: the token that each place has to
            predict for the responses to come out, ``IGNORED`` where none.
        """
        num_images = [1] * len(questions) if num_images is None else num_images
        counts = [self.num_image_tokens] * sum(num_images) if counts is None else counts
        assert len(counts) == sum(num_images), "visual tokens of every image, and of no other"
        rest = iter(counts)
        sequences = [self.sequence(blocks, *islice(rest, number)) for blocks, number in zip(questions, num_images, strict=True)]
        length, pad = max(len(ids) for ids, _ in sequences), self.token_ids.pad
        return BatchFeature(
            {
                "input_ids": torch.tensor([[pad] * (length - len(ids)) + ids for ids, _ in sequences]),
                "attention_mask": torch.tensor([[0] * (length - len(ids)) + [1] * len(ids) for ids, _ in sequences]),
                "labels": torch.tensor([[IGNORED] * (length - len(ids)) + labels for ids, labels in sequences]),
            }
        )

    def sequence(self, blocks: Sequence[Block], *counts: int) -> tuple[list[int], list[int]]:
        """Ids of one packed sequence, and the token that each place has to predict.

        Args:
            blocks: Its blocks.
            counts: Visual tokens of each image in front of them; one image of ``num_image_tokens`` when none is given.
        """
        ids: list[int] = []
        for count in counts or (self.num_image_tokens,):
            ids += [*(self.token_ids.between if ids else self.token_ids.opening), *[self.token_ids.image] * count]
        labels = [IGNORED] * len(ids)
        for tokens, begin in encode_blocks(self.tokenizer, blocks, self.token_ids):
            ids += tokens
            labels += [IGNORED] * (begin - 1) + tokens[begin:] + [IGNORED]
        return ids, labels

    def to_dict(self) -> dict[str, Any]:
        """What ``processor_config.json`` says; no word of a vision tower where there is none."""
        said: dict[str, Any] = super().to_dict()
        return {name: value for name, value in said.items() if (name, value) != ("patcher", None)}
