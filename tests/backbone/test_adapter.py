"""Adapters: they start at nothing, learn beside frozen weights, travel alone, and merge."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny_network import MEASURE, POINT, SEGMENT, build, inputs, pixel_values
from torch import nn

from umind.backbone.adapter import AdapterConfig, add_adapter, is_adaptable, merge_adapter
from umind.checkpoint import load, save
from umind.model import UMindModel, UMindOutput


def run(model: UMindModel, processor) -> UMindOutput:
    packed = inputs(processor.pack([[SEGMENT, MEASURE, POINT]]))
    with torch.no_grad():
        output: UMindOutput = model.eval()(**packed, pixel_values=pixel_values(1))
    return output


def shaken(model: UMindModel) -> UMindModel:
    """The same model with an adapter that has learnt something."""
    add_adapter(model, AdapterConfig(rank=2))
    generator = torch.Generator().manual_seed(0)
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            parameter.data = 0.1 * torch.randn(parameter.shape, generator=generator)
    return model


def test_a_new_adapter_changes_nothing_and_learns_alone() -> None:
    model, processor = build()
    before = run(model, processor)
    add_adapter(model, AdapterConfig(rank=2))
    after = run(model, processor)
    torch.testing.assert_close(after.hidden, before.hidden, rtol=0, atol=0)
    torch.testing.assert_close(after.regions.masks, before.regions.masks, rtol=0, atol=0)
    learns = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert learns
    assert all("lora_" in name for name in learns)
    assert {name.split(".")[0] for name in learns} == {"pixels", "language", "regions", "points"}


def test_only_the_parts_and_what_may_change_get_one() -> None:
    model, _ = build()
    model.language.requires_grad_(False)
    add_adapter(model, AdapterConfig(rank=2, parts=("language", "regions")))
    assert {name.split(".")[0] for name, p in model.named_parameters() if p.requires_grad} == {"regions"}


def test_nothing_to_adapt_is_an_error() -> None:
    model, _ = build()
    model.requires_grad_(False)
    with pytest.raises(ValueError, match="every layer is frozen"):
        add_adapter(model, AdapterConfig())


@pytest.mark.parametrize(
    ("layer", "wanted"),
    [(nn.Linear(2, 2), True), (nn.Conv2d(4, 4, 3), True), (nn.Conv2d(4, 4, 3, groups=4), False), (nn.BatchNorm2d(4), False)],
)
def test_layers_that_take_one(layer: nn.Module, wanted: bool) -> None:
    assert is_adaptable(layer) == wanted


def test_merged_it_is_the_same_model_without_a_trace() -> None:
    model, processor = build()
    names = set(model.state_dict())
    beside = run(shaken(model), processor)
    merge_adapter(model)
    merged = run(model, processor)
    assert set(model.state_dict()) == names
    for ours, theirs in ((merged.hidden, beside.hidden), (merged.regions.extent, beside.regions.extent)):
        assert (ours - theirs).abs().max() < 0.01 * theirs.abs().max()
    assert (merged.hidden - run(*build()).hidden).abs().max() > 1e-2


def test_it_travels_alone_and_comes_back_to_the_bit(tmp_path: Path) -> None:
    model, processor = build()
    save(model, processor, tmp_path / "base")
    shaken(model).save_pretrained(tmp_path / "adapter")
    kept = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    assert all("lora_" in name for name in kept)
    merge_adapter(model)
    loaded, _ = load(tmp_path / "base", device="cpu", dtype="float32", adapter=tmp_path / "adapter")
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[name], tensor, rtol=0, atol=0)
    save(loaded, processor, tmp_path / "merged")
    again, _ = load(tmp_path / "merged", device="cpu", dtype="float32")
    for name, tensor in loaded.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], tensor, rtol=0, atol=0)
