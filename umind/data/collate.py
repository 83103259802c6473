"""Examples to the tensors of a batch."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float
from transformers import PreTrainedTokenizerFast

from umind.data.examples import Example
from umind.decoders.text.loss import IGNORED
from umind.geometry.boxes import box_of_mask
from umind.processor.letterbox import normalise
from umind.processor.processor import pad_left
from umind.schema.batch import Batch, RegionTargets
from umind.tokens.slots import IMAGE_ID
from umind.tokens.template import encode_block




class Collator:
    """Packs examples into a batch.

    Args:
        tokenizer: Words to ids.
        num_image_tokens: Visual tokens in front of every sequence.
        jitter: Training reads kernels up to this share of the box away from an instance's centre.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast, num_image_tokens: int, jitter: float = 0.15) -> None:
        self.tokenizer = tokenizer
        self.num_image_tokens = num_image_tokens
        self.jitter = jitter

    def __call__(self, examples: Sequence[Example]) -> Batch:
        """Join examples; the jitter is decided by the pixels, so a batch is the same whenever it is made."""
        rows, labels = zip(*(self.sequence(example) for example in examples), strict=True)
        packed = pad_left(rows)
        length = packed["input_ids"].shape[1]
        padded = torch.full((len(rows), length), IGNORED)
        for index, row in enumerate(labels):
            padded[index, length - len(row) :] = torch.tensor(row)
        size = examples[0].pixels.shape[0]
        return Batch(
            pixel_values=torch.from_numpy(normalise(np.stack([e.pixels for e in examples])))[:, None],
            input_ids=packed["input_ids"],
            attention_mask=packed["attention_mask"],
            labels=padded,
            regions=self.regions(examples, size),
            points=torch.from_numpy(np.concatenate([e.points for e in examples]) / size).float(),
        )

    def sequence(self, example: Example) -> tuple[list[int], list[int]]:
        """Ids of the packed sequence, and the token that each place has to predict."""
        ids, labels = [IMAGE_ID] * self.num_image_tokens, [IGNORED] * self.num_image_tokens
        for block in example.blocks:
            tokens, begin = encode_block(self.tokenizer, block)
            ids += tokens
            labels += [IGNORED] * (begin - 1) + tokens[begin:] + [IGNORED]
        return ids, labels

    def regions(self, examples: Sequence[Example], size: int) -> RegionTargets:
        """Truth of every region token of the batch."""
        truths = [truth for example in examples for truth in example.regions]
        rng = np.random.default_rng(int(sum(int(e.pixels.sum()) for e in examples)))
        masks = [mask for truth in truths for mask in truth.masks]
        boxes = np.array([box_of_mask(m) for m in masks], np.float32).reshape(-1, 4) / size
        centres = np.array([centre_of_mask(m) for m in masks], np.float32).reshape(-1, 2) / size
        sides = boxes[:, 2:] - boxes[:, :2]
        sites = centres + rng.uniform(-self.jitter, self.jitter, centres.shape).astype(np.float32) * sides
        union = np.array([t.masks.any(0) if len(t.masks) else np.zeros((size, size), bool) for t in truths])
        return RegionTargets(
            present=torch.tensor([float(len(t.masks) > 0) for t in truths]),
            extent=torch.from_numpy(shrink(union, 8)),
            measured=torch.tensor([float(t.measured) for t in truths]),
            slots=torch.tensor([slot for slot, t in enumerate(truths) for _ in t.masks], dtype=torch.long),
            centres=torch.from_numpy(centres),
            sites=torch.from_numpy(sites.clip(0, 1)),
            boxes=torch.from_numpy(boxes),
            masks=torch.from_numpy(shrink(np.array(masks).reshape(-1, size, size), 2)),
        )


def shrink(masks: Bool[np.ndarray, "n s s"], factor: int) -> Float[np.ndarray, "n t t"]:
    """Share of each ``factor`` x ``factor`` cell that a mask covers."""
    num, size = masks.shape[:2]
    cells = size // factor
    return masks.reshape(num, cells, factor, cells, factor).mean((2, 4), dtype=np.float32)


def centre_of_mask(mask: Bool[np.ndarray, "s s"]) -> tuple[float, float]:
    """Centroid xy, or the mask's pixel nearest to it where the centroid lies outside."""
    moments = cv2.moments(mask.astype(np.uint8), binaryImage=True)
    x, y = moments["m10"] / moments["m00"], moments["m01"] / moments["m00"]
    if not mask[round(y), round(x)]:
        rows, columns = mask.nonzero()
        nearest = ((rows - y) ** 2 + (columns - x) ** 2).argmin()
        x, y = float(columns[nearest]), float(rows[nearest])
    return x + 0.5, y + 0.5
