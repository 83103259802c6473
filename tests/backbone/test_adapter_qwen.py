"""Adapters around every Qwen-VL family: what is in them, and that they travel alone, merge and come off."""

from pathlib import Path

import numpy as np
import pytest
import tiny_qwen
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import Qwen2_5_VLConfig

from umind import UMindVL
from umind.backbone.adapter import AdapterConfig, add_adapter, fill_adapter, merge_adapter
from umind.backbone.pixels import PixelConfig
from umind.checkpoint import go_on
from umind.decoders.config import DecoderConfig
from umind.model import UMindConfig, UMindModel
from umind.schema.errors import CheckpointError
from umind.tokens.template import Block
from umind.tokens.vocabulary import TokenIds

LAYERS = {f"self_attn.{name}_proj" for name in "qkvo"} | {f"mlp.{name}_proj" for name in ("gate", "up", "down")}
TABLE = "language.language_model.embed_tokens"


@pytest.fixture(scope="module", params=tiny_qwen.FAMILIES)
def family(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def folder(family: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base, and an adapter that has learnt something around it."""
    folder = tmp_path_factory.mktemp(family)
    model = shaken(tiny_qwen.build(family, folder / "base").model)
    model.save_pretrained(folder / "adapter")
    return folder


def shaken(model: UMindModel) -> UMindModel:
    """The same model with an adapter of which every weight and every statistic has changed."""
    add_adapter(model, AdapterConfig(rank=2))
    draw = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data += 0.05 * torch.randn(parameter.shape, generator=draw)
    for name, buffer in model.named_buffers():
        if "modules_to_save" in name and buffer.is_floating_point():
            buffer += 0.1
    return model


def around(folder: Path, **kwargs: object) -> UMindVL:
    settings: dict[str, object] = {"pixels": tiny_qwen.PIXELS, "decoders": tiny_qwen.DECODERS}
    torch.manual_seed(7)  # the fresh parts are not those of the fixture
    return UMindVL.from_backbone(folder / "base", **(settings | kwargs))


def run(umind: UMindVL, model: UMindModel) -> dict[str, Tensor]:
    """What a model makes of an image and two questions."""
    image = np.random.default_rng(0).integers(0, 256, (40, 60), np.uint8)
    patches = umind.processor.patches([image])
    packed = umind.processor.pack([[Block("segment the cyst", "[SEG]"), Block("is it benign", "yes")]], patches.counts)
    pixels = torch.from_numpy(image[:32, :32].copy()).float().div(255)[None, None]
    pixels = nn.functional.interpolate(pixels, (tiny_qwen.SIDE, tiny_qwen.SIDE))
    with torch.no_grad():
        output = model.eval()(packed["input_ids"], packed["attention_mask"], pixels, patches=patches)
    return {"logits": output.logits, "extent": output.regions.extent, "presence": output.regions.presence}


def assert_equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert one.keys() == other.keys()
    assert [name for name, tensor in one.items() if not torch.equal(tensor, other[name])] == []


def test_what_learns(family: str, folder: Path) -> None:
    """Products in the language model, rows of the task tokens, pixel encoder and decoders; nothing else."""
    model = around(folder).model
    add_adapter(model, AdapterConfig(rank=2))
    learns = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    rows = {name for name in learns if "trainable_tokens_delta" in name}
    tables = {TABLE} if family in tiny_qwen.TIED else {TABLE, "lm_head"}
    assert rows == {f"{table}.token_adapter.trainable_tokens_delta.default" for table in tables}
    whole = {name for name in learns if ".modules_to_save." in name}
    assert {name.split(".")[0] for name in whole} == {"pixels", "regions", "points"}
    parts = (model.pixels, model.regions, model.points)
    assert len(whole) == sum(len(list(part.original_module.parameters())) for part in parts)
    products = learns - rows - whole
    assert all(name.startswith("language.language_model.layers.") and ".lora_" in name for name in products)
    kinds = {".".join(name.split(".")[4:6]) for name in products}
    assert kinds == (LAYERS if family != "qwen3_vl_moe" else {kind for kind in LAYERS if "self_attn" in kind})


def test_a_new_one_changes_nothing_and_comes_off(folder: Path) -> None:
    umind = around(folder)
    before = run(umind, umind.model)
    add_adapter(umind.model, AdapterConfig(rank=2))
    assert_equal(run(umind, umind.model), before)
    umind.model.disable_adapters()
    fill_adapter(umind.model, load_file(folder / "adapter" / "adapter_model.safetensors"))
    assert_equal(run(umind, umind.model), before)


def test_it_travels_alone_and_comes_back_to_the_bit(folder: Path, tmp_path: Path) -> None:
    umind = around(folder)
    umind.save_pretrained(tmp_path / "umind")
    shaken(umind.model).save_pretrained(tmp_path / "adapter")
    assert {path.name for path in (tmp_path / "adapter").iterdir()} == {
        "adapter_config.json",
        "adapter_model.safetensors",
        "generation_config.json",
    }
    other = around(folder).model
    add_adapter(other, AdapterConfig(rank=2))
    go_on(other, tmp_path / "adapter")
    assert_equal(other.state_dict(), umind.model.state_dict())
    beside = run(umind, umind.model)
    merge_adapter(umind.model)
    merged = umind.model.state_dict()
    for name, tensor in run(umind, umind.model).items():
        torch.testing.assert_close(tensor, beside[name], atol=1e-4, rtol=1e-4)
    from_base = around(folder, adapter=tmp_path / "adapter")
    assert_equal(from_base.model.state_dict(), merged)
    from_umind = UMindVL.from_pretrained(tmp_path / "umind", adapter=tmp_path / "adapter")
    assert_equal(from_umind.model.state_dict(), merged)
    from_base.save_pretrained(tmp_path / "merged")
    again = UMindVL.from_pretrained(tmp_path / "merged")
    assert_equal(again.model.state_dict(), merged)
    assert_equal(run(again, again.model), run(from_base, from_base.model))
    tied = again.model.lm_head.weight is again.model.get_input_embeddings().weight
    assert tied == again.model.config.tie_word_embeddings


def test_only_the_rows_of_the_task_tokens_change(folder: Path) -> None:
    base, learnt = around(folder).model, around(folder, adapter=folder / "adapter").model
    for one, other in ((base.get_input_embeddings(), learnt.get_input_embeddings()), (base.lm_head, learnt.lm_head)):
        changed = (one.weight != other.weight).any(1).nonzero().flatten().tolist()
        assert changed == list(base.config.ids.tasks)
    assert_equal(base.language.visual.state_dict(), learnt.language.visual.state_dict())


def test_what_was_frozen_stays_so_inside_a_whole_part(folder: Path) -> None:
    model = around(folder).model
    model.pixels.encoder.conv_stem.requires_grad_(False)
    model.language.requires_grad_(False)
    add_adapter(model, AdapterConfig())
    learns = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert not any("conv_stem" in name or ".lora_" in name for name in learns)
    assert any("pixels.modules_to_save.default.encoder.blocks.2" in name for name in learns)
    assert any("trainable_tokens_delta" in name for name in learns)


def test_sizes_of_another_pixel_encoder_are_named(folder: Path) -> None:
    wider = PixelConfig(encoder="mobilenetv2_035", image_size=tiny_qwen.SIDE, width=24, mask_channels=8)
    with pytest.raises(CheckpointError, match=r"do not fit the model: .*of another shape: .*\.pixels\.context"):
        around(folder, pixels=wider, adapter=folder / "adapter")


def test_the_products_of_another_size_are_named(folder: Path) -> None:
    model = around(folder).model
    add_adapter(model, AdapterConfig(rank=4))
    with pytest.raises(CheckpointError, match=r"of another shape: .*q_proj\.lora_A"):
        go_on(model, folder / "adapter")
    model = around(folder).model
    add_adapter(model, AdapterConfig(rank=2, alpha=2))
    with pytest.raises(CheckpointError, match="learnt with an alpha of 16, and not of 2"):
        go_on(model, folder / "adapter")


def test_an_adapter_of_another_base_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shaken(tiny_qwen.build("qwen2_5_vl", tmp_path / "base").model).save_pretrained(tmp_path / "adapter")
    settings = {"pixels": tiny_qwen.PIXELS, "decoders": tiny_qwen.DECODERS, "adapter": tmp_path / "adapter"}
    tiny_qwen.backbone("qwen2_vl", tmp_path / "untied")
    with pytest.raises(CheckpointError, match=r"another model: it teaches rows .*embed_tokens.* and here are .*lm_head"):
        UMindVL.from_backbone(tmp_path / "untied", **settings)
    monkeypatch.setitem(tiny_qwen.TEXT, "intermediate_size", 64)
    tiny_qwen.backbone("qwen2_5_vl", tmp_path / "wider")
    with pytest.raises(CheckpointError, match=r"of another shape: .*layers\.0\.mlp\.down_proj\.lora_A"):
        UMindVL.from_backbone(tmp_path / "wider", **settings)
    with pytest.raises(CheckpointError, match="another model"):
        UMindVL.from_pretrained(adapter=tmp_path / "adapter")


def test_around_a_model_of_three_billion_weights_it_takes_tens_of_megabytes() -> None:
    """Counted without memory, at the sizes of Qwen2.5-VL-3B."""
    text = {"vocab_size": 151936, "hidden_size": 2048, "intermediate_size": 11008, "num_hidden_layers": 36}
    text |= {"num_attention_heads": 16, "num_key_value_heads": 2, "tie_word_embeddings": True}
    vision = {"depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "num_heads": 16, "out_hidden_size": 2048}
    config = UMindConfig(
        pixel_config=PixelConfig(),
        text_config=Qwen2_5_VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=True),
        decoder_config=DecoderConfig(),
        token_ids=TokenIds(tasks=(151665, 151666, 151667, 151668)).to_dict(),
    )
    with torch.device("meta"):
        model = UMindModel(config)
        base = sum(parameter.numel() for parameter in model.parameters())
        add_adapter(model, AdapterConfig(rank=16, alpha=32))
    learnt = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    assert base > 3.7e9
    assert learnt * 2 < 100e6, "bytes in bf16"
