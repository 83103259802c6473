"""A umind model with experts is saved, loaded, adapted and asked as one without."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import peft
import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_network import MEASURE, POINT, SEGMENT, WORDS, build, inputs, pixel_values

from umind import UMindVL, one_pass
from umind.backbone.moe.attach import dual_paths
from umind.backbone.moe.config import MoEConfig
from umind.backbone.moe.upcycle import upcycle
from umind.checkpoint import load, save
from umind.data.phantom import phantom_sample
from umind.model import UMindConfig, UMindModel
from umind.schema.errors import CheckpointError

EXPERTS = MoEConfig(
    num_experts=3,
    moe_intermediate_size=40,
    shared_expert_intermediate_size=56,
    router_aux_loss_coef=0.02,
    router_mass=0.8,
    num_skip_experts=1,
)
DENSE, PROCESSOR = build()
MODEL, _ = build()
upcycle(MODEL.language, EXPERTS)
WEIGHTS = "model.safetensors"
PACKED = inputs(PROCESSOR.pack([[SEGMENT, POINT], [WORDS, MEASURE, SEGMENT]]))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save(MODEL, PROCESSOR, tmp_path)
    return tmp_path


def read(folder: Path) -> UMindModel:
    return load(folder, device="cpu", dtype="float32")[0]


def edit(folder: Path, kept: Callable[[str], bool]) -> None:
    tensors = load_file(folder / WEIGHTS)
    save_file({name: tensor for name, tensor in tensors.items() if kept(name)}, folder / WEIGHTS, metadata={"format": "pt"})


def test_a_config_with_experts_builds_them() -> None:
    text = asdict(EXPERTS)
    with torch.device("meta"):
        model = UMindModel(UMindConfig.tiny(vocab_size=64, hidden_size=32, num_hidden_layers=3, moe=text))
    assert list(dual_paths(model)) == [f"language.layers.{layer}.mlp" for layer in range(3)]
    assert all(path.moe.config == EXPERTS for path in dual_paths(model).values())


def test_a_fresh_model_has_no_weight_undrawn() -> None:
    torch.manual_seed(0)
    sizes = {"vocab_size": 64, "hidden_size": 32, "num_hidden_layers": 1, "moe": asdict(EXPERTS)}
    model = UMindModel(UMindConfig.tiny(**sizes))
    path = next(iter(dual_paths(model).values()))
    for weight in (path.moe.experts.gate_up_proj, path.moe.experts.down_proj, path.moe.gate.weight):
        assert 0.5 * 0.02 < weight.std() < 2 * 0.02


@torch.no_grad()
def test_upcycled_saved_and_loaded_is_bit_equal(folder: Path) -> None:
    loaded = read(folder)
    assert MoEConfig.read(loaded.config) == EXPERTS
    state = loaded.state_dict()
    assert state.keys() == MODEL.state_dict().keys()
    assert [name for name, tensor in MODEL.state_dict().items() if not torch.equal(state[name], tensor)] == []
    ours, theirs = (model(**PACKED, pixel_values=pixel_values(2)) for model in (MODEL, loaded))
    assert torch.equal(ours.logits, theirs.logits)
    assert torch.equal(ours.regions.masks, theirs.regions.masks)
    assert torch.equal(ours.points.heatmaps, theirs.points.heatmaps)


@torch.no_grad()
def test_what_was_loaded_can_be_upcycled(tmp_path: Path) -> None:
    save(DENSE, PROCESSOR, tmp_path / "dense")
    model = read(tmp_path / "dense")
    torch.manual_seed(3)
    upcycle(model.language, EXPERTS, share=1e-4)
    ours, dense = (m(**PACKED, pixel_values=pixel_values(2)).logits for m in (model, DENSE))
    assert 0 < (ours - dense).abs().max() < 1e-3 * dense.abs().max()
    save(model, PROCESSOR, tmp_path / "sparse")
    again = read(tmp_path / "sparse")
    assert torch.equal(again(**PACKED, pixel_values=pixel_values(2)).logits, ours)


@torch.no_grad()
def test_blocks_and_rows_do_not_see_each_other() -> None:
    both = MODEL(**PACKED, pixel_values=pixel_values(2)).logits
    alone = inputs(PROCESSOR.pack([[SEGMENT, POINT]]))
    length = alone["input_ids"].shape[1]
    torch.testing.assert_close(
        MODEL(**alone, pixel_values=pixel_values(2)[:1]).logits[0], both[0, -length:], atol=1e-4, rtol=1e-4
    )


def test_every_verb_answers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_pass, "MAX_NEW_TOKENS", 4)  # random weights never come to an end by themselves
    model = UMindVL.from_pretrained(folder)
    seen = model.encode(phantom_sample(3, size=96, scene="lesions").image)
    assert model.segment(seen, "cyst", threshold=0).masks.shape[1:] == (96, 96)
    assert model.detect(seen, "cyst", threshold=0).boxes.shape[1] == 4
    assert len(model.keypoints(seen, "cyst", threshold=0)) == 4
    assert model.measure(seen, "area of the cyst", threshold=0).value is not None
    assert model.classify(seen, "cyst", ["benign", "malignant"]).probabilities.sum() == pytest.approx(1)
    assert model.ask(seen, "is it benign").text
    assert model.report(seen).text
    analysis = model.analyze(seen, ["cyst"], measure=["area of the cyst"], text=True, threshold=0)
    assert analysis.segmentations["cyst"].masks.shape[1:] == (96, 96)


def test_an_adapter_goes_on_top(folder: Path) -> None:
    model = read(folder)
    model.add_adapter(peft.LoraConfig(r=2, target_modules=["q_proj", "up_proj"], init_lora_weights=False))
    model.save_pretrained(folder / "adapter")
    adapted, _ = load(folder, device="cpu", dtype="float32", adapter=folder / "adapter")
    assert MoEConfig.read(adapted.config) == EXPERTS
    with torch.no_grad():
        ours, theirs, without = (m.eval()(**PACKED, pixel_values=pixel_values(2)).hidden for m in (model, adapted, MODEL))
    torch.testing.assert_close(theirs, ours)
    assert (theirs - without).abs().max() > 1e-3


def test_a_missing_weight_of_an_expert_is_named(folder: Path) -> None:
    edit(folder, lambda name: "layers.1.mlp.moe.experts.down_proj" not in name)
    with pytest.raises(CheckpointError, match=r"missing: language\.layers\.1\.mlp\.moe\.experts\.down_proj"):
        read(folder)


def test_weights_that_a_checkpoint_lacks_are_drawn(folder: Path) -> None:
    edit(folder, lambda name: ".moe." not in name)
    model = UMindModel.from_pretrained(folder)
    std = model.config.text_config.initializer_range
    for path in dual_paths(model).values():
        for weight in (path.moe.experts.gate_up_proj, path.moe.experts.down_proj, path.moe.gate.weight):
            assert 0.5 * std < weight.std() < 2 * std


def test_a_config_without_its_experts_does_not_fit_the_weights(folder: Path) -> None:
    text = (folder / "config.json").read_text("utf-8")
    (folder / "config.json").write_text(text.replace('"moe": {', '"others": {'), "utf-8")
    with pytest.raises(CheckpointError, match=r"unknown: .*mlp\.coefficient"):
        read(folder)


def test_a_number_that_nobody_knows_is_named(folder: Path) -> None:
    text = (folder / "config.json").read_text("utf-8")
    (folder / "config.json").write_text(text.replace('"num_skip_experts"', '"num_lazy_experts"'), "utf-8")
    with pytest.raises(CheckpointError, match="num_lazy_experts"):
        read(folder)
