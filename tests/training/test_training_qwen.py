"""Training around a Qwen-VL: two phantoms are learnt by heart in thirty steps."""

from pathlib import Path

import pytest
import tiny_qwen
import torch

from umind import UMindVL
from umind.checkpoint import save
from umind.training.module import UMindModule


@pytest.mark.parametrize("family", tiny_qwen.FAMILIES)
def test_thirty_steps_overfit_two_phantoms(family: str, tmp_path: Path) -> None:
    tiny_qwen.build(family, tmp_path / "base").save_pretrained(tmp_path / "model")
    module = UMindModule(init=tmp_path / "model", frozen=())
    assert module.model.training
    batch = tiny_qwen.phantoms(module.processor, tiny_qwen.SIDE)
    assert batch.patches.counts == [(batch.input_ids[row] == module.model.config.ids.image).sum() for row in range(2)]
    losses = tiny_qwen.learn(module, batch)
    assert losses[-1] < 0.5 * losses[0], losses
    still = {name.split(".")[0] for name, p in module.model.named_parameters() if p.grad is None}
    assert not still, "every part learns"
    save(module.model, module.processor, tmp_path / "learnt")
    learnt = UMindVL.from_pretrained(tmp_path / "learnt")
    assert torch.equal(learnt.model.lm_head.weight, module.model.lm_head.weight)


def test_a_fresh_model_around_a_backbone(tmp_path: Path) -> None:
    module = UMindModule(
        backbone=str(tiny_qwen.backbone("qwen2_5_vl", tmp_path)), frozen=("language", "pixels"), imagenet=False
    )
    total, parts, _ = module.step(tiny_qwen.phantoms(module.processor, 256))
    total.backward()
    assert all(part.isfinite() for part in parts.values())
    learning = {name.split(".")[0] for name, p in module.model.named_parameters() if p.grad is not None}
    assert learning == {"regions", "points"}
