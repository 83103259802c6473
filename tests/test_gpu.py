"""What has to be the same on a GPU; skipped where there is none."""

import copy

import numpy as np
import pytest
import torch

from umind import UMindVL
from umind.data.phantom import phantom_sample
from umind.processor.processor import UMindProcessor
from umind.tokens.template import Block

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")]


@pytest.fixture(scope="module")
def on_gpu() -> UMindVL:
    return UMindVL.from_pretrained(device="cuda")


@pytest.mark.parametrize("seed", [5_300_000, 5_300_001, 5_300_002])
def test_results_equal_those_of_the_cpu(umind_tiny: UMindVL, on_gpu: UMindVL, seed: int) -> None:
    image = phantom_sample(seed, scene="lesions").image
    for phrase in ("lesion", "cyst"):
        here, there = (model.segment(image, phrase, threshold=0.3) for model in (umind_tiny, on_gpu))
        assert len(here) == len(there)
        assert abs(here.presence - there.presence) < 1e-2
        shared, either = (here.masks & there.masks).sum(), (here.masks | there.masks).sum()
        assert not either or shared / either > 0.98
    assert umind_tiny.report(image).text == on_gpu.report(image).text


def test_bfloat16(umind_tiny: UMindVL) -> None:
    half = UMindVL.from_pretrained(device="cuda", dtype="bfloat16")
    image = phantom_sample(5_300_003, scene="head").image
    whole, rough = (model.measure(image, "head circumference").value for model in (umind_tiny, half))
    np.testing.assert_allclose(rough, whole, rtol=0.02)


def test_a_training_step(random_umind: UMindVL) -> None:
    model, processor = copy.deepcopy(random_umind.model).cuda().train(), random_umind.processor
    assert isinstance(processor, UMindProcessor)
    packed = processor.pack([[Block("segment cyst", "[SEG]")]]).to("cuda")
    with torch.autocast("cuda", torch.bfloat16):
        output = model(
            input_ids=packed["input_ids"],
            attention_mask=packed["attention_mask"],
            pixel_values=torch.randn(1, 1, 64, 64, device="cuda"),
        )
        loss = output.regions.masks.square().mean() + output.logits.float().square().mean()
    loss.backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())
