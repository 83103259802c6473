"""EchoVLM's published layout: the fixture that the published code computed, and checkpoints made here in that layout."""

import json
import os
from pathlib import Path

import pytest
import torch
from families import dense_model
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.functional import silu
from transformers import Qwen2VLForConditionalGeneration

from umind.backbone.moe.attach import attach, dual_paths
from umind.backbone.moe.config import MoEConfig
from umind.backbone.moe.echovlm import load_echovlm, save_echovlm
from umind.schema.errors import CheckpointError

FIXTURES = Path(os.environ.get("UMIND_FIXTURES", Path(__file__).parents[4] / "shared" / "fixtures"))
ECHOVLM = FIXTURES / "echovlm-tiny"
IMAGE = 60
SIZES = {"layers": 3, "hidden": 24, "dense": 20, "experts": 3, "expert": 10, "shared": 28, "vocabulary": 64}
VISION_SIZES = {"depth": 1, "embed_dim": 16, "mlp_ratio": 2, "num_heads": 2, "patch_size": 4}
HEADS = {"num_attention_heads": 3, "num_key_value_heads": 1}

needs_fixture = pytest.mark.skipif(not ECHOVLM.is_dir(), reason="the published code's fixture is not here")


def stored_in(folder: Path) -> dict[str, Tensor]:
    return {name: tensor for file in folder.glob("model*.safetensors") for name, tensor in load_file(file).items()}


def checkpoint(folder: Path, *, tied: bool = False, dtype: torch.dtype = torch.float32, shards: int = 3) -> dict[str, Tensor]:
    """Write a random checkpoint under EchoVLM's names, sizes as in ``SIZES``, with a config that is wrong about the experts."""
    d, w, s, i, v = (SIZES[name] for name in ("hidden", "expert", "shared", "dense", "vocabulary"))
    kv = d // HEADS["num_attention_heads"]
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (v, d), "model.norm.weight": (d,)}
    shapes |= {} if tied else {"lm_head.weight": (v, d)}
    for layer in range(SIZES["layers"]):
        at = f"model.layers.{layer}"
        shapes |= {f"{at}.input_layernorm.weight": (d,), f"{at}.post_attention_layernorm.weight": (d,)}
        shapes |= {f"{at}.self_attn.{n}_proj.weight": (size, d) for n, size in (("q", d), ("k", kv), ("v", kv), ("o", d))}
        shapes |= {f"{at}.self_attn.{n}_proj.bias": (size,) for n, size in (("q", d), ("k", kv), ("v", kv))}
        shapes |= block(f"{at}.mlp", d, i) | block(f"{at}.moe.shared_expert", d, s)
        for expert in range(SIZES["experts"]):
            shapes |= block(f"{at}.moe.experts.{expert}", d, w)
        shapes |= {f"{at}.moe.gate.weight": (SIZES["experts"], d), f"{at}.moe.shared_expert_gate.weight": (1, d)}
        shapes |= {f"{at}.coefficient.weight": (2, d), f"{at}.coefficient.bias": (2,)}
    shapes["visual.patch_embed.proj.weight"] = (16, 3, 2, 4, 4)
    for name, size in (("norm1", (16,)), ("norm2", (16,)), ("attn.qkv", (48, 16)), ("attn.proj", (16, 16))):
        shapes |= {f"visual.blocks.0.{name}.weight": size, f"visual.blocks.0.{name}.bias": size[:1]}
    for name, size in (("blocks.0.mlp.fc1", (32, 16)), ("blocks.0.mlp.fc2", (16, 32)), ("merger.ln_q", (16,))):
        shapes |= {f"visual.{name}.weight": size, f"visual.{name}.bias": size[:1]}
    for name, size in (("merger.mlp.0", (64, 64)), ("merger.mlp.2", (d, 64))):
        shapes |= {f"visual.{name}.weight": size, f"visual.{name}.bias": size[:1]}
    draw = torch.Generator().manual_seed(3)
    tensors = {name: (0.3 * torch.randn(shape, generator=draw)).to(dtype) for name, shape in shapes.items()}
    config = {
        "architectures": ["Qwen2VLMOEForConditionalGeneration"],
        "model_type": "qwen2_vl",
        "vocab_size": v,
        "hidden_size": d,
        "intermediate_size": i,
        "num_hidden_layers": SIZES["layers"],
        **HEADS,
        "max_position_embeddings": 256,
        "rms_norm_eps": 1e-6,
        "rope_theta": 1e6,
        "rope_scaling": {"type": "mrope", "mrope_section": [1, 1, 2]},
        "tie_word_embeddings": tied,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "image_token_id": IMAGE,
        "video_token_id": 61,
        "vision_start_token_id": 62,
        "vision_end_token_id": 63,
        "num_experts": 60,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 1408,
        "shared_expert_intermediate_size": 5632,
        "router_aux_loss_coef": 0.002,
        "vision_config": {
            "model_type": "qwen2_vl",
            "depth": 1,
            "embed_dim": 16,
            "hidden_size": d,
            "mlp_ratio": 2,
            "num_heads": 2,
            "in_chans": 3,
            "patch_size": 4,
        },
    }
    write(folder, tensors, config, shards)
    return tensors


def block(at: str, hidden: int, width: int) -> dict[str, tuple[int, ...]]:
    return {
        f"{at}.gate_proj.weight": (width, hidden),
        f"{at}.up_proj.weight": (width, hidden),
        f"{at}.down_proj.weight": (hidden, width),
    }


def write(folder: Path, tensors: dict[str, Tensor], config: dict[str, object], shards: int) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    if shards == 1:
        save_file(tensors, folder / "model.safetensors", {"format": "pt"})
        return
    names, found = sorted(tensors), {}
    for shard in range(shards):
        file = f"model-{shard + 1:05d}-of-{shards:05d}.safetensors"
        part = {name: tensors[name] for name in names[shard::shards]}  # an expert's matrices lie in several files
        save_file(part, folder / file, {"format": "pt"})
        found |= dict.fromkeys(part, file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": found}), "utf-8")


def scene(counts: list[int]) -> tuple[Tensor, Tensor, Tensor]:
    """Ids of one sequence with so many visual tokens in each of its images, their pixels, their grids."""
    draw = torch.Generator().manual_seed(sum(counts))
    ids, grids = [1], []
    for count in counts:
        ids += [62, *[IMAGE] * count, 63, *torch.randint(3, 50, (3,), generator=draw).tolist()]
        grids.append([1, 2, 2 * count])
    grid = torch.tensor(grids)
    return torch.tensor(ids), torch.randn(int(grid.prod(1).sum()), 3 * 2 * 4 * 4, generator=draw), grid


def logits(model: Qwen2VLForConditionalGeneration, scenes: list[tuple[Tensor, Tensor, Tensor]]) -> list[Tensor]:
    """Of each scene, from one batch with padding on the left."""
    length = max(len(ids) for ids, _, _ in scenes)
    ids = torch.stack([torch.cat([ids.new_zeros(length - len(ids)), ids]) for ids, _, _ in scenes])
    kept = torch.stack([torch.arange(length) >= length - len(ids) for ids, _, _ in scenes])
    out = model(
        input_ids=ids,
        attention_mask=kept.long(),
        pixel_values=torch.cat([pixels for _, pixels, _ in scenes]),
        image_grid_thw=torch.cat([grid for _, _, grid in scenes]),
        mm_token_type_ids=(ids == IMAGE).int(),
    )
    return [row[mask] for row, mask in zip(out.logits, kept, strict=True)]


@needs_fixture
@torch.no_grad()
def test_published_codes_logits_and_tokens() -> None:
    model = load_echovlm(ECHOVLM)
    expected = load_file(ECHOVLM / "expected.safetensors")
    inputs = {name: expected[name] for name in ("input_ids", "pixel_values", "image_grid_thw")}
    inputs["mm_token_type_ids"] = (inputs["input_ids"] == model.config.image_token_id).int()
    torch.testing.assert_close(model(**inputs).logits, expected["logits"], atol=1e-4, rtol=0)
    everywhere = torch.ones_like(inputs["input_ids"])
    greedy = model.generate(**inputs, attention_mask=everywhere, pad_token_id=2, max_new_tokens=12, do_sample=False)
    assert torch.equal(greedy, expected["greedy"])


@needs_fixture
def test_fixture_is_saved_as_it_was(tmp_path: Path) -> None:
    save_echovlm(load_echovlm(ECHOVLM), tmp_path, max_shard_size="3MB")
    before, after = stored_in(ECHOVLM), stored_in(tmp_path)
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 1
    again, first = load_echovlm(tmp_path).config.to_dict(), load_echovlm(ECHOVLM).config.to_dict()
    assert again["text_config"] == first["text_config"]
    assert again["vision_config"].items() <= first["vision_config"].items()
    assert again.keys() == first.keys()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("checkpoint")
    checkpoint(path)
    return path


def test_sizes_are_the_tensors_and_rules_the_configs(folder: Path) -> None:
    model = load_echovlm(folder)
    assert MoEConfig.read(model.config) == MoEConfig(
        num_experts=3, moe_intermediate_size=10, shared_expert_intermediate_size=28, router_aux_loss_coef=0.002
    )
    assert not model.training


def test_sizes_of_the_language_model_are_the_tensors_too(tmp_path: Path) -> None:
    checkpoint(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text("utf-8"))
    config |= {"vocab_size": 100, "intermediate_size": 99, "num_hidden_layers": 7}
    (tmp_path / "config.json").write_text(json.dumps(config), "utf-8")
    text = load_echovlm(tmp_path).config.get_text_config()
    assert (text.vocab_size, text.intermediate_size, text.num_hidden_layers) == (64, 20, 3)


@torch.no_grad()
def test_every_layer_is_the_formula_on_the_published_tensors(folder: Path) -> None:
    model, stored, seen = load_echovlm(folder), stored_in(folder), {}
    for layer, path in enumerate(dual_paths(model).values()):
        path.register_forward_hook(lambda _, given, made, layer=layer: seen.update({layer: (given[0], made)}))
    logits(model, [scene([2])])
    for layer, (given, made) in seen.items():
        weights = {name: tensor.double() for name, tensor in stored.items() if f"layers.{layer}." in name}
        torch.testing.assert_close(made[0].double(), published(weights, layer, given[0].double()), atol=1e-4, rtol=1e-4)
    assert len(seen) == SIZES["layers"]


def published(stored: dict[str, Tensor], layer: int, hidden: Tensor) -> Tensor:
    """The layer as `model.md` has it: top 2 of a softmax, a shared expert behind a sigmoid, a coefficient for both paths."""

    def linear(name: str, x: Tensor) -> Tensor:
        return x @ stored[f"model.layers.{layer}.{name}.weight"].T

    def swiglu(name: str, x: Tensor) -> Tensor:
        return linear(f"{name}.down_proj", silu(linear(f"{name}.gate_proj", x)) * linear(f"{name}.up_proj", x))

    p = linear("moe.gate", hidden).softmax(-1)
    kept = p.masked_fill(p < p.topk(2).values[:, 1:], 0)
    mixed = sum(kept[:, [e]] * swiglu(f"moe.experts.{e}", hidden) for e in range(SIZES["experts"]))
    mixed = mixed + linear("moe.shared_expert_gate", hidden).sigmoid() * swiglu("moe.shared_expert", hidden)
    c = (linear("coefficient", hidden) + stored[f"model.layers.{layer}.coefficient.bias"]).softmax(-1)
    return c[:, :1] * mixed + c[:, 1:] * swiglu("mlp", hidden)


def test_other_weights_keep_their_place(folder: Path) -> None:
    state, stored = load_echovlm(folder).state_dict(), stored_in(folder)
    for name, tensor in stored.items():
        if name.startswith("visual."):
            assert torch.equal(state[f"model.{name}"], tensor)
        elif "self_attn" in name or "norm" in name or "embed" in name:
            assert torch.equal(state[name.replace("model.", "model.language_model.")], tensor)
    assert torch.equal(state["lm_head.weight"], stored["lm_head.weight"])


@torch.no_grad()
def test_several_images_and_left_padding_change_nothing(folder: Path) -> None:
    model = load_echovlm(folder)
    scenes = [scene([2, 4]), scene([3]), scene([1, 2, 1])]
    for together, one in zip(logits(model, scenes), scenes, strict=True):
        torch.testing.assert_close(together, logits(model, [one])[0], atol=2e-4, rtol=1e-4)


@torch.no_grad()
def test_every_image_is_seen(folder: Path) -> None:
    model, (ids, pixels, grid) = load_echovlm(folder), scene([2, 4])
    before = logits(model, [(ids, pixels, grid)])[0]
    for rows in (slice(0, 8), slice(8, None)):
        other = pixels.clone()
        other[rows] += 1
        assert (logits(model, [(ids, other, grid)])[0][-1] - before[-1]).abs().max() > 1e-3


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize(("dtype", "shards"), [(torch.float32, 1), (torch.bfloat16, 3)])
def test_saved_as_it_was(tmp_path: Path, tied: bool, dtype: torch.dtype, shards: int) -> None:
    before = checkpoint(tmp_path / "first", tied=tied, dtype=dtype, shards=shards)
    model = load_echovlm(tmp_path / "first")
    assert {parameter.dtype for parameter in model.parameters()} == {dtype}
    save_echovlm(model, tmp_path / "second")
    after = stored_in(tmp_path / "second")
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    again = load_echovlm(tmp_path / "second")
    assert MoEConfig.read(again.config) == MoEConfig.read(model.config)
    assert all(torch.equal(again.state_dict()[name], tensor) for name, tensor in model.state_dict().items())


def test_type_of_the_weights_can_be_chosen(folder: Path) -> None:
    assert load_echovlm(folder, dtype=torch.bfloat16).dtype == torch.bfloat16


@pytest.mark.parametrize("count", [1, 4])
def test_models_of_our_own_survive_the_published_layout(count: int, tmp_path: Path) -> None:
    model = dense_model("qwen2_vl")
    assert isinstance(model, Qwen2VLForConditionalGeneration)
    numbers = MoEConfig(
        num_experts=count,
        num_experts_per_tok=1,
        moe_intermediate_size=8,
        shared_expert_intermediate_size=0,
        norm_topk_prob=True,
        router_z_loss_coef=0.01,
        router_mass=0.6,
        num_skip_experts=2,
    )
    attach(model, numbers)
    model.generation_config.max_new_tokens = 17
    save_echovlm(model, tmp_path)
    loaded = load_echovlm(tmp_path)
    assert MoEConfig.read(loaded.config) == numbers
    assert loaded.generation_config.max_new_tokens == 17
    assert all(torch.equal(loaded.state_dict()[name], tensor) for name, tensor in model.state_dict().items())
    assert stored_in(tmp_path)["model.layers.0.moe.experts.0.gate_proj.weight"].shape == (8, 32)


def test_weights_that_do_not_fit_are_named(tmp_path: Path) -> None:
    tensors = checkpoint(tmp_path, shards=1)
    del tensors["model.layers.1.moe.experts.2.up_proj.weight"]
    tensors["model.layers.1.coefficient.bias"] = torch.zeros(3)
    tensors["model.layers.1.moe.experts.9.up_proj.weight"] = torch.zeros(10, 24)
    save_file(tensors, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(CheckpointError) as caught:
        load_echovlm(tmp_path)
    message = str(caught.value)
    assert "missing: model.layers.1.moe.experts.2.up_proj.weight;" in message
    assert "unknown: model.layers.1.moe.experts.9.up_proj.weight;" in message
    assert "of another shape: model.layers.1.coefficient.bias (3,)" in message


def test_folder_that_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no EchoVLM checkpoint could be read"):
        load_echovlm(tmp_path)
    checkpoint(tmp_path, shards=1)
    (tmp_path / "model.safetensors").write_bytes(b"not tensors")
    with pytest.raises(CheckpointError, match="no EchoVLM checkpoint could be read"):
        load_echovlm(tmp_path)


def test_dense_checkpoint_is_refused(tmp_path: Path) -> None:
    tensors = checkpoint(tmp_path, shards=1)
    dense = {name: tensor for name, tensor in tensors.items() if ".moe." not in name and ".coefficient." not in name}
    save_file(dense, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(CheckpointError, match=r"model\.layers\.0\.moe\.gate\.weight"):
        load_echovlm(tmp_path)


@pytest.mark.parametrize("family", ["qwen2_vl", "qwen3"])
def test_model_of_another_kind_is_not_saved(family: str, tmp_path: Path) -> None:
    model = dense_model(family)
    if family != "qwen2_vl":
        attach(model, MoEConfig(moe_intermediate_size=8, shared_expert_intermediate_size=8))
    with pytest.raises(ValueError, match="a Qwen2-VL with experts"):
        save_echovlm(model, tmp_path)  # type: ignore[arg-type]


def test_a_prior_has_no_place_in_the_published_layout(tmp_path: Path) -> None:
    model = dense_model("qwen2_vl")
    attach(model, MoEConfig(moe_intermediate_size=8, shared_expert_intermediate_size=8, region_prior=True))
    with pytest.raises(ValueError, match="no weights for `region_prior`"):
        save_echovlm(model, tmp_path)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())
