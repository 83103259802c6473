import json
import math
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from families import FAMILIES, SMALL, TEXT, dense_model, plain_layer, words
from safetensors.torch import load_file, save_file
from transformers import Gemma2Config, Gemma2ForCausalLM, PreTrainedModel, Qwen3MoeConfig, Qwen3MoeForCausalLM

from umind.backbone.moe.attach import attach, decoder_layers, dual_paths, new_parameters, with_experts
from umind.backbone.moe.config import MoEConfig
from umind.backbone.moe.experts import Experts

UNUSUAL = MoEConfig(
    num_experts=3,
    num_experts_per_tok=3,
    moe_intermediate_size=24,
    shared_expert_intermediate_size=40,
    norm_topk_prob=True,
    router_aux_loss_coef=0.005,
    router_z_loss_coef=0.002,
    router_mass=0.7,
    num_skip_experts=2,
    region_prior=True,
)
"""No number is the default."""


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def with_parts(family: str, config: MoEConfig = SMALL) -> PreTrainedModel:
    model = dense_model(family)
    attach(model, config)
    return model


def test_every_decoder_layer_and_nothing_else_gets_experts(family: str) -> None:
    dense = dense_model(family)
    names = {name for name, _ in dense.named_parameters()}
    model = with_parts(family)
    paths = dual_paths(model)
    assert len(paths) == TEXT["num_hidden_layers"]
    assert all("visual" not in name for name in paths)
    new = new_parameters(model)
    assert {".".join(name.split(".mlp.")[1].split(".")[:2]) for name in new} == {
        "moe.gate",
        "moe.experts",
        "moe.shared_expert",
        "moe.shared_expert_gate",
        "coefficient.weight",
        "coefficient.bias",
    }
    assert {name.replace(".mlp.dense.", ".mlp.") for name, _ in model.named_parameters() if name not in new} == names


@torch.no_grad()
def test_layers_own_forward_uses_both_paths(family: str) -> None:
    model, seen = with_parts(family), {}
    path = next(iter(dual_paths(model).values()))
    path.register_forward_hook(lambda _, inputs, output: seen.update(hidden=inputs[0], output=output))
    model(input_ids=words())
    expected = plain_layer(path, seen["hidden"].flatten(0, 1)).view_as(seen["hidden"])
    torch.testing.assert_close(seen["output"].double(), expected, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_layers_that_take_a_region_are_the_same_layers(family: str) -> None:
    model, plain = with_parts(family, replace(SMALL, region_prior=True)), with_parts(family)
    assert [type(layer).__name__ for layer in model.modules()] == [type(layer).__name__ for layer in plain.modules()]
    plain.load_state_dict(model.state_dict(), strict=False)
    assert torch.equal(model(input_ids=words()).logits, plain(input_ids=words()).logits)
    once = model(input_ids=words(), region=torch.ones(2, 1, 32)).logits
    for path in dual_paths(model).values():
        path.moe.gate.region[0] = 1.0
    again = model(input_ids=words(), region=torch.ones(2, 1, 32)).logits
    assert torch.equal(once, plain(input_ids=words()).logits)
    assert (again - once).abs().max() > 1e-4


@torch.no_grad()
def test_cache_equals_whole_forward(family: str) -> None:
    model, ids = with_parts(family), words()
    whole = model(input_ids=ids).logits
    first = model(input_ids=ids[:, :4], use_cache=True)
    second = model(input_ids=ids[:, 4:], past_key_values=first.past_key_values)
    torch.testing.assert_close(torch.cat([first.logits, second.logits], 1), whole, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_saved_and_loaded_is_the_same(family: str, tmp_path: Path) -> None:
    model = with_parts(family, UNUSUAL)
    model.save_pretrained(tmp_path)
    loaded, report = with_experts(type(model)).from_pretrained(tmp_path, output_loading_info=True)
    assert not report["missing_keys"] | report["unexpected_keys"] | report["mismatched_keys"]
    assert MoEConfig.read(loaded.config) == UNUSUAL
    state = loaded.state_dict()
    assert state.keys() == model.state_dict().keys()
    assert all(torch.equal(state[name], tensor) for name, tensor in model.state_dict().items())
    for tensor in (*loaded.parameters(), *loaded.buffers()):
        tensor.data = tensor.data.clone()  # mapped from the file it is unaligned, and kernels then round another way
    assert torch.equal(loaded(input_ids=words()).logits, model(input_ids=words()).logits)
    loaded.save_pretrained(tmp_path / "again")
    again = load_file(tmp_path / "again" / "model.safetensors")
    once = load_file(tmp_path / "model.safetensors")
    assert again.keys() == once.keys()
    assert all(torch.equal(again[name], tensor) for name, tensor in once.items())


def test_config_json_has_every_number(tmp_path: Path) -> None:
    with_parts("qwen2_vl", UNUSUAL).config.save_pretrained(tmp_path)
    written = json.loads((tmp_path / "config.json").read_text("utf-8"))
    assert written["text_config"]["moe"] == asdict(UNUSUAL)
    assert all(value != asdict(MoEConfig())[name] for name, value in asdict(UNUSUAL).items())


def test_model_without_experts_is_not_loaded_as_one_with(tmp_path: Path) -> None:
    dense_model().save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="tells of no experts"):
        with_experts(type(dense_model())).from_pretrained(tmp_path)


def test_weights_that_a_checkpoint_lacks_are_drawn(tmp_path: Path) -> None:
    model = with_parts("qwen3", replace(SMALL, region_prior=True))
    model.save_pretrained(tmp_path)
    stored = load_file(tmp_path / "model.safetensors")
    save_file({k: v for k, v in stored.items() if ".moe." not in k}, tmp_path / "model.safetensors", {"format": "pt"})
    loaded = with_experts(type(model)).from_pretrained(tmp_path)
    for path in dual_paths(loaded).values():
        for weight in (path.moe.experts.gate_up_proj, path.moe.experts.down_proj, path.moe.gate.weight):
            assert 0.5 * 0.02 < weight.std() < 2 * 0.02
        assert not path.moe.gate.region.any()
    assert torch.equal(loaded.get_parameter("lm_head.weight"), model.get_parameter("lm_head.weight"))


def test_new_weights_have_type_device_and_size_of_their_layer() -> None:
    torch.manual_seed(0)
    model = FAMILIES["qwen3"]().bfloat16().train()
    attach(model, SMALL)
    assert all(parameter.dtype == torch.bfloat16 for parameter in new_parameters(model).values())
    path = next(iter(dual_paths(model).values()))
    assert path.training
    assert path.moe.training
    assert math.isclose(path.moe.experts.down_proj.detach().float().std(), model.config.initializer_range, rel_tol=0.1)


def test_second_attachment_is_refused() -> None:
    model = with_parts("qwen3")
    with pytest.raises(ValueError, match=r"model\.layers\.0\.mlp has experts already"):
        attach(model, SMALL)


def test_layers_that_are_sparse_already_are_refused() -> None:
    sizes = TEXT | {"head_dim": 16, "num_experts": 2, "num_experts_per_tok": 1, "moe_intermediate_size": 8}
    with pytest.raises(ValueError, match=r"model\.layers\.0\.mlp is no dense SwiGLU block .* but a Qwen3MoeSparseMoeBlock"):
        attach(Qwen3MoeForCausalLM(Qwen3MoeConfig(**sizes)), SMALL)


def test_layers_of_another_form_are_refused() -> None:
    model = Gemma2ForCausalLM(Gemma2Config(**TEXT | {"head_dim": 16}))  # another norm stands behind its mlp
    with pytest.raises(ValueError, match="Gemma2ForCausalLM has no decoder layers made of"):
        attach(model, SMALL)
    assert MoEConfig.read(model.config) is None


def test_decoder_layers_come_first_to_last() -> None:
    model = dense_model("qwen3_vl")
    assert decoder_layers(model) == list(model.model.language_model.layers)


@pytest.mark.parametrize("family", ["qwen3"])
def test_only_new_parameters_get_a_gradient_in_stage_one(family: str) -> None:
    model = with_parts(family).train()
    new = new_parameters(model)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in new)
    model(input_ids=words(), labels=words()).loss.backward()
    moved = {name for name, parameter in model.named_parameters() if parameter.grad is not None and parameter.grad.any()}
    assert moved == new.keys()
    assert all(".moe." in name or ".coefficient." in name for name in moved)


def test_experts_are_stacked() -> None:
    experts = next(part for part in with_parts("llama").modules() if isinstance(part, Experts))
    assert experts.gate_up_proj.shape == (4, 2 * 24, 32)
    assert experts.down_proj.shape == (4, 32, 24)


def test_width_of_an_expert_need_not_be_a_multiple_of_anything() -> None:
    model = dense_model()
    attach(model, replace(SMALL, moe_intermediate_size=5, shared_expert_intermediate_size=0))
    assert model(input_ids=words()).logits.isfinite().all()
