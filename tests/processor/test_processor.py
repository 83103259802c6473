import json
from pathlib import Path

import numpy as np
import torch

from umind.processor.processor import UMindImageProcessor, UMindProcessor
from umind.schema.image import UltrasoundImage
from umind.tokens.slots import IGNORED
from umind.tokens.template import Block, encode_blocks
from umind.tokens.tokenizer import train_tokenizer
from umind.tokens.vocabulary import OWN_IDS

TOKENIZER = train_tokenizer(["segment the cyst", "yes"], 300)
PROCESSOR = UMindProcessor(UMindImageProcessor(size=64), TOKENIZER, num_image_tokens=4)


def image(height: int, width: int) -> UltrasoundImage:
    pixels = np.random.default_rng(height).integers(0, 256, (height, width), dtype=np.uint8)
    return UltrasoundImage(pixels)


def test_images_of_any_sizes_make_one_batch() -> None:
    images = [image(30, 90), image(100, 80)]
    pixel_values, frames = PROCESSOR.image_processor(images)
    assert pixel_values.shape == (2, 1, 64, 64)
    assert pixel_values.dtype == torch.float32
    for one, values, frame in zip(images, pixel_values, frames, strict=True):
        (alone,), (same,) = PROCESSOR.image_processor([one])
        assert torch.equal(values, alone)
        assert frame == same


def test_sequence_labels_name_the_next_token_of_each_response() -> None:
    blocks = [Block("segment cyst", "[SEG]"), Block("is it benign", "yes"), Block("report")]
    ids, labels = PROCESSOR.sequence(blocks)
    assert len(ids) == len(labels)
    assert ids[:4] == [OWN_IDS.image] * 4
    expected, place = [IGNORED] * len(ids), 4
    for tokens, begin in encode_blocks(TOKENIZER, blocks):
        for step in range(begin, len(tokens)):
            expected[place + step - 1] = tokens[step]
        place += len(tokens)
    assert labels == expected


def test_pack_pads_on_the_left() -> None:
    questions = [[Block("segment cyst", "[SEG]")], [Block("segment the cyst", "[SEG]"), Block("is it a cyst", "yes")]]
    packed = PROCESSOR.pack(questions)
    assert packed["input_ids"].shape == packed["attention_mask"].shape == packed["labels"].shape
    for row, blocks in enumerate(questions):
        ids, labels = PROCESSOR.sequence(blocks)
        pad = packed["input_ids"].shape[1] - len(ids)
        assert packed["input_ids"][row].tolist() == [OWN_IDS.pad] * pad + ids
        assert packed["attention_mask"][row].tolist() == [0] * pad + [1] * len(ids)
        assert packed["labels"][row].tolist() == [IGNORED] * pad + labels


def test_call_joins_pixels_and_words() -> None:
    batch = PROCESSOR([image(64, 64)], [[Block("segment cyst", "[SEG]")]])
    assert set(batch) == {"pixel_values", "input_ids", "attention_mask", "labels"}
    assert batch["pixel_values"].shape == (1, 1, 64, 64)


def test_save_writes_the_sizes(tmp_path: Path) -> None:
    PROCESSOR.save_pretrained(tmp_path)
    settings = json.loads((tmp_path / "processor_config.json").read_text("utf-8"))
    assert settings["num_image_tokens"] == 4
    assert settings["image_processor"]["size"] == 64
