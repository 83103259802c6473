"""Examples to the tensors of a batch."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional
from transformers import BatchFeature

from umind.data.examples import Example
from umind.decoders.measure.lengths import lengths_of_masks
from umind.geometry.boxes import box_of_mask
from umind.processor.letterbox import normalise
from umind.processor.processor import UMindProcessor
from umind.schema.batch import Batch, ChoiceTargets, RegionTargets
from umind.tokens.slots import IGNORED, layout


class Collator:
    """Packs examples into a batch.

    Args:
        processor: Packs questions into ids and labels.
        jitter: Training reads kernels up to this share of the box away from an instance's centre.
    """

    def __init__(self, processor: UMindProcessor, jitter: float = 0.15) -> None:
        self.processor = processor
        self.jitter = jitter

    def __call__(self, examples: Sequence[Example]) -> Batch:
        """Join examples; the jitter is decided by the pixels, so a batch is the same whenever it is made."""
        patches = self.processor.patches([example.pixels for example in examples])
        counts = None if patches is None else patches.counts
        packed = self.processor.pack([example.blocks for example in examples], counts)
        size = examples[0].pixels.shape[0]
        labels, choices = self.choices(examples, packed)
        return Batch(
            pixel_values=torch.from_numpy(normalise(np.stack([e.pixels for e in examples])))[:, None],
            input_ids=packed["input_ids"],
            attention_mask=packed["attention_mask"],
            labels=labels,
            choices=choices,
            regions=self.regions(examples, size),
            points=torch.from_numpy(np.concatenate([e.points for e in examples]) / size).float(),
            patches=patches,
        )

    def choices(self, examples: Sequence[Example], packed: BatchFeature) -> tuple[Int[Tensor, "b l"], ChoiceTargets]:
        """Labels without those of wrong answers, and what tells these from the right ones."""
        block_ids = layout(packed["input_ids"], packed["attention_mask"], self.processor.token_ids).block_ids
        groups = [(row, blocks) for row, example in enumerate(examples) for blocks in example.choices]
        places = torch.tensor([(row, block + 1) for row, blocks in groups for block in blocks], dtype=torch.long).reshape(-1, 2)
        right = torch.tensor([float(place == 0) for _, blocks in groups for place in range(len(blocks))])
        questions = [question for question, (_, blocks) in enumerate(groups) for _ in blocks]
        offered = torch.zeros(len(examples), 1 + max(len(example.blocks) for example in examples), dtype=torch.bool)
        offered[places[:, 0], places[:, 1]] = True
        wrong = offered.clone()
        wrong[places[right > 0, 0], places[right > 0, 1]] = False
        labels, ids = packed["labels"], block_ids.clamp(min=0)
        choices = ChoiceTargets(
            labels=labels.masked_fill(~offered.gather(1, ids), IGNORED),
            block_ids=block_ids,
            places=places,
            questions=torch.tensor(questions, dtype=torch.long),
            right=right,
        )
        return labels.masked_fill(wrong.gather(1, ids), IGNORED), choices

    def regions(self, examples: Sequence[Example], size: int) -> RegionTargets:
        """Truth of every region token of the batch."""
        truths = [truth for example in examples for truth in example.regions]
        stretches = [example.stretch for example in examples for _ in example.regions]
        rng = np.random.default_rng(int(sum(int(e.pixels.sum()) for e in examples)))
        masks = [mask for t in truths for mask in (*t.masks, *(filled(box, size) for box in t.boxes))]
        edges = [box for t in truths for box in (*map(box_of_mask, t.masks), *t.boxes)]
        boxes = np.array(edges, np.float32).reshape(-1, 4) / size
        centres = np.array([centre_of_mask(m) for m in masks], np.float32).reshape(-1, 2) / size
        sides = boxes[:, 2:] - boxes[:, :2]
        sites = centres + rng.uniform(-self.jitter, self.jitter, centres.shape).astype(np.float32) * sides
        numbers = [len(t.masks) + len(t.boxes) for t in truths]
        stretch = torch.tensor(np.repeat(stretches, numbers), dtype=torch.float32)
        union = [
            np.any(stack(masks[end - num : end], size), axis=0) for num, end in zip(numbers, np.cumsum(numbers), strict=True)
        ]
        return RegionTargets(
            present=torch.tensor([float(t.present) for t in truths]),
            extent=shrink(stack(union, size), 8),
            outlined=torch.tensor([float(t.outlined) for t in truths]),
            counted=torch.tensor([float(t.outlined or len(t.boxes) > 0) for t in truths]),
            slots=torch.tensor([slot for slot, num in enumerate(numbers) for _ in range(num)], dtype=torch.long),
            centres=torch.from_numpy(centres),
            sites=torch.from_numpy(sites.clip(0, 1)),
            boxes=torch.from_numpy(boxes),
            lengths=lengths_of_masks(torch.from_numpy(stack(masks, size))) * stretch[:, None] / size,
            masks=shrink(stack(masks, size), 2),
            drawn=torch.tensor([float(k < len(t.masks)) for t, num in zip(truths, numbers, strict=True) for k in range(num)]),
        )


def filled(box: Float[np.ndarray, "4"], size: int) -> Bool[np.ndarray, "s s"]:
    """Every pixel that an xyxy box touches."""
    left, top, right, bottom = box
    area = np.zeros((size, size), bool)
    area[int(top) : math.ceil(bottom), int(left) : math.ceil(right)] = True
    return area


def stack(masks: Sequence[Bool[np.ndarray, "s s"]], size: int) -> Bool[np.ndarray, "n s s"]:
    """Masks in one array, also where there is none."""
    return np.stack(masks) if masks else np.zeros((0, size, size), bool)


def shrink(masks: Bool[np.ndarray, "n s s"], factor: int) -> Float[Tensor, "n t t"]:
    """Share of each ``factor`` x ``factor`` cell that a mask covers."""
    return functional.avg_pool2d(torch.from_numpy(masks)[:, None].float(), factor)[:, 0]


def centre_of_mask(mask: Bool[np.ndarray, "s s"]) -> tuple[float, float]:
    """Centroid xy, or the mask's pixel nearest to it where the centroid lies outside."""
    moments = cv2.moments(mask.astype(np.uint8), binaryImage=True)
    x, y = moments["m10"] / moments["m00"], moments["m01"] / moments["m00"]
    if not mask[round(y), round(x)]:
        rows, columns = mask.nonzero()
        nearest = ((rows - y) ** 2 + (columns - x) ** 2).argmin()
        x, y = float(columns[nearest]), float(rows[nearest])
    return x + 0.5, y + 0.5
