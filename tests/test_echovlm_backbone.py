"""A folder as EchoVLM publishes it becomes the language side, experts and all."""

from pathlib import Path

import numpy as np
import pytest
import tiny_qwen
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, Qwen2VLForConditionalGeneration, Qwen2VLImageProcessor

from umind import CheckpointError, Study, UltrasoundImage, UMindVL, checkpoint, one_pass
from umind.backbone.moe.attach import attach, dual_paths
from umind.backbone.moe.config import MoEConfig
from umind.backbone.moe.echovlm import load_echovlm, save_echovlm
from umind.tokens.template import Block

EXPERTS = MoEConfig(num_experts=3, moe_intermediate_size=24, shared_expert_intermediate_size=40)
SIZES = [(40, 60), (64, 64)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    dense = tiny_qwen.backbone("qwen2_vl", tmp_path_factory.mktemp("dense"))
    network = Qwen2VLForConditionalGeneration.from_pretrained(dense)
    torch.manual_seed(2)
    attach(network, EXPERTS)
    folder = tmp_path_factory.mktemp("published")
    save_echovlm(network, folder)
    AutoTokenizer.from_pretrained(dense).save_pretrained(folder)
    Qwen2VLImageProcessor.from_pretrained(dense).save_pretrained(folder)
    return folder


def build(folder: Path) -> UMindVL:
    torch.manual_seed(1)
    return UMindVL.from_backbone(folder, pixels=tiny_qwen.PIXELS, decoders=tiny_qwen.DECODERS)


@pytest.fixture(scope="module")
def model(folder: Path) -> UMindVL:
    return build(folder)


@pytest.fixture(scope="module")
def images() -> list[UltrasoundImage]:
    rng = np.random.default_rng(0)
    return [UltrasoundImage(rng.integers(0, 256, size, np.uint8), spacing=0.1) for size in SIZES]


@pytest.fixture(autouse=True)
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_pass, "MAX_NEW_TOKENS", 6)


def test_its_weights_are_what_they_were(model: UMindVL, folder: Path) -> None:
    base = load_echovlm(folder)
    known = len(AutoTokenizer.from_pretrained(folder))
    ours, theirs = model.model.language.state_dict(), base.model.state_dict()
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if not torch.equal(ours[name][:known], theirs[name][:known])] == []
    assert torch.equal(model.model.lm_head.weight[:known], base.lm_head.weight[:known])
    assert MoEConfig.read(model.model.config) == EXPERTS
    assert list(dual_paths(model.model)) == [f"language.language_model.layers.{layer}.mlp" for layer in range(2)]


@torch.no_grad()
def test_a_study_is_a_conversation_of_the_published_model(model: UMindVL, folder: Path, images) -> None:
    base = load_echovlm(folder)
    patches = model.processor.patches([image.pixels for image in images])
    packed = model.processor.pack([[Block("is it benign", "yes")]], patches.counts, [2])
    ids, mask = packed["input_ids"], packed["attention_mask"]
    kinds = (ids == base.config.image_token_id).long()
    seen = {"pixel_values": patches.values, "image_grid_thw": patches.grids, "mm_token_type_ids": kinds}
    theirs = base(input_ids=ids, attention_mask=mask, **seen).logits
    features = model.model.encode(model.processor.image_processor(images)[0], patches)
    ours = model.model(input_ids=ids, attention_mask=mask, features=features).logits
    known = len(AutoTokenizer.from_pretrained(folder))
    torch.testing.assert_close(ours[..., :known], theirs[..., :known], atol=1e-4, rtol=1e-4)


def test_every_verb_answers(model: UMindVL, images) -> None:
    seen = model.encode(images[0])
    assert model.segment(seen, "cyst", threshold=0).masks.shape[1:] == SIZES[0]
    assert model.detect(seen, "cyst", threshold=0).boxes.shape[1] == 4
    assert len(model.keypoints(seen, "cyst", threshold=0)) == 4
    assert model.measure(seen, "area of the cyst", threshold=0).value is not None
    assert model.classify(seen, "cyst", ["benign", "malignant"]).probabilities.sum() == pytest.approx(1)
    analysis = model.analyze(seen, ["cyst"], measure=["area of the cyst"], text=True, threshold=0)
    assert analysis.report.text == model.report(seen).text
    assert model.report(Study(images)).evidence == ()


def test_saved_and_loaded_it_keeps_its_experts(model: UMindVL, images, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path)
    again = UMindVL.from_pretrained(tmp_path)
    before, after = model.model.state_dict(), again.model.state_dict()
    assert before.keys() == after.keys()
    assert [name for name, tensor in before.items() if not torch.equal(tensor, after[name])] == []
    assert MoEConfig.read(again.model.config) == EXPERTS
    assert len(dual_paths(again.model)) == 2
    one, other = (umind.segment(images[0], "cyst", threshold=0) for umind in (model, again))
    np.testing.assert_array_equal(one.logits, other.logits)
    for what in (images[0], Study(images)):
        one, other = (umind.ask(what, "and now?", history=[("is it benign", "yes")]) for umind in (model, again))
        assert one.text == other.text


def test_a_lost_expert_is_named(folder: Path, tmp_path: Path) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = load_file(tmp_path / "model.safetensors")
    del weights["model.layers.1.moe.experts.2.down_proj.weight"]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match=r"missing: model\.layers\.1\.moe\.experts\.2\.down_proj\.weight"):
        build(tmp_path)


def test_the_layout_is_read_from_a_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "cached_file", lambda _, name: str(folder / name))
    with pytest.raises(CheckpointError, match="from a folder"):
        build(Path("someone/echovlm"))
