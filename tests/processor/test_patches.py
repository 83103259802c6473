"""Two looks at one image: the tower's patches, and the frame in which boxes and points are read."""

import json
from pathlib import Path

import numpy as np
import pytest
import tiny_qwen
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import Qwen2VLImageProcessor

from umind import UltrasoundImage
from umind.processor.processor import UMindImageProcessor, UMindProcessor
from umind.tokens.template import Block

PATCHER = Qwen2VLImageProcessor(patch_size=4, merge_size=2, size={"shortest_edge": 256, "longest_edge": 1600})
PROCESSOR = UMindProcessor(UMindImageProcessor(size=64), tiny_qwen.tokenizer("qwen2_vl"), patcher=PATCHER)


@settings(max_examples=20)
@given(st.integers(4, 500), st.integers(4, 500))
def test_points_come_back_to_source_pixels_whatever_the_tower_sees(height: int, width: int) -> None:
    rng = np.random.default_rng(height * width)
    image = UltrasoundImage(rng.integers(0, 256, (height, width), np.uint8))
    (frame,) = PROCESSOR.image_processor([image])[1]
    (grid,) = PROCESSOR.patches([image.pixels]).grids.tolist()
    assert grid[1] * grid[2] * 16 >= 256, "and its size is not the frame's"
    points = rng.uniform((0, 0), (width, height), (20, 2))
    sides = (frame.to_model(points) / 64).astype(np.float32)  # as the decoders give them
    assert np.abs(frame.to_source(sides * 64) - points).max() <= 0.5


def test_patches_of_several_images_are_those_of_each() -> None:
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, size, np.uint8) for size in ((40, 60), (90, 30, 3), (1, 1))]
    together, alone = PROCESSOR.patches(images), [PROCESSOR.patches([image]) for image in images]
    assert torch.equal(together.values, torch.cat([one.values for one in alone]))
    assert torch.equal(together.grids, torch.cat([one.grids for one in alone]))
    assert together.counts == [one.counts[0] for one in alone]
    assert len(together.values) == sum(together.counts) * 4
    assert torch.equal(together.to("cpu").values, together.values)


def test_grey_and_its_colours_are_one() -> None:
    grey = np.random.default_rng(1).integers(0, 256, (30, 50), np.uint8)
    assert torch.equal(PROCESSOR.patches([grey]).values, PROCESSOR.patches([np.repeat(grey[..., None], 3, 2)]).values)


def test_a_sliver_is_refused() -> None:
    with pytest.raises(ValueError, match="aspect ratio"):
        PROCESSOR.patches([np.zeros((2, 500), np.uint8)])


def test_call_has_a_place_for_every_visual_token() -> None:
    image = UltrasoundImage(np.zeros((40, 90), np.uint8))
    batch = PROCESSOR([image], [[Block("segment cyst", "[SEG]")]])
    assert int((batch["input_ids"] == PROCESSOR.token_ids.image).sum()) == batch["patches"].counts[0]


def test_no_tower_no_patches(tmp_path: Path) -> None:
    plain = UMindProcessor(UMindImageProcessor(size=64), tiny_qwen.tokenizer("qwen2_vl"))
    assert plain.patches([np.zeros((4, 4), np.uint8)]) is None
    for processor, said in ((plain, False), (PROCESSOR, True)):
        processor.save_pretrained(tmp_path)
        assert ("patcher" in json.loads((tmp_path / "processor_config.json").read_text("utf-8"))) == said
