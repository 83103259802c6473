import json
from collections.abc import Callable
from pathlib import Path

import peft
import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_network import POINT, SEGMENT, build, inputs, pixel_values
from torch import Tensor

from umind import checkpoint
from umind.checkpoint import load, load_backbone, locate, save
from umind.model import UMindModel
from umind.schema.errors import CheckpointError

MODEL, PROCESSOR = build()
WEIGHTS = "model.safetensors"
KEY = "regions.mask.controller.weight"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save(MODEL, PROCESSOR, tmp_path)
    return tmp_path


def read(folder: Path, **options: str) -> tuple[object, object]:
    return load(folder, device="cpu", dtype="float32", **options)


def edit(folder: Path, change: Callable[[dict[str, Tensor]], object]) -> None:
    tensors = load_file(folder / WEIGHTS)
    change(tensors)
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})


def plain(config: dict[str, object]) -> dict[str, object]:
    """Settings without what loading notes: where from, and as which dtype."""
    kept = {key: value for key, value in config.items() if key not in ("dtype", "_name_or_path")}
    return {key: plain(value) if isinstance(value, dict) else value for key, value in kept.items()}


def test_round_trip_is_bit_equal(folder: Path) -> None:
    model, processor = read(folder)
    assert not model.training
    loaded, saved = (plain(m.config.to_dict()) for m in (model, MODEL))
    assert loaded == saved
    state = model.state_dict()
    assert state.keys() == MODEL.state_dict().keys()
    for name, tensor in MODEL.state_dict().items():  # the timm encoder's weights and buffers among them
        assert torch.equal(state[name], tensor), name
    for name, buffer in MODEL.named_buffers():
        assert torch.equal(model.get_buffer(name), buffer), name
    blocks = [[SEGMENT, POINT]]
    packed = processor.pack(blocks)
    assert torch.equal(packed["input_ids"], PROCESSOR.pack(blocks)["input_ids"])
    with torch.no_grad():
        ours, theirs = (m(**inputs(packed), pixel_values=pixel_values(1)) for m in (MODEL, model))
    assert torch.equal(ours.logits, theirs.logits)
    assert torch.equal(ours.regions.masks, theirs.regions.masks)
    assert torch.equal(ours.points.heatmaps, theirs.points.heatmaps)


def test_calibration_comes_back(tmp_path: Path) -> None:
    model, processor = build()
    model.config.presence_scale, model.config.score_threshold = 1.75, 0.3
    save(model, processor, tmp_path)
    loaded, _ = read(tmp_path)
    assert (loaded.config.presence_scale, loaded.config.score_threshold) == (1.75, 0.3)


def test_dtype(folder: Path) -> None:
    model, _ = load(folder, device="cpu", dtype="bfloat16")
    kinds = {name: {p.dtype for p in part.parameters()} for name, part in model.named_children()}
    assert kinds.pop("language") == kinds.pop("lm_head") == {torch.bfloat16}
    assert all(kind == {torch.float32} for kind in kinds.values())
    for name in ("flaot32", "int8", "nn"):
        with pytest.raises(ValueError, match=name):
            load(folder, device="cpu", dtype=name)


def test_the_embedded_model_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package, elsewhere = tmp_path / "package" / "umind-tiny", tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.setattr(checkpoint, "EMBEDDED", package)
    assert locate(None) == locate("umind-tiny") == locate(Path("umind-tiny")) == package
    assert locate("someone/umind-tiny") == "someone/umind-tiny"
    save(MODEL, PROCESSOR, package)
    assert load("umind-tiny", device="cpu", dtype="float32")[0].num_parameters() == MODEL.num_parameters()
    (elsewhere / "umind-tiny").mkdir()
    assert locate("umind-tiny") == "umind-tiny"


def test_nothing_is_pickled(folder: Path) -> None:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} <= {".json", ".safetensors", ".jinja", ".txt"}
    for path in files:
        if path.suffix == ".json":
            json.loads(path.read_text("utf-8"))


def test_missing_tensor_is_named(folder: Path) -> None:
    edit(folder, lambda tensors: tensors.pop(KEY))
    with pytest.raises(CheckpointError, match=f"missing: {KEY}"):
        read(folder)


def test_missing_buffer_is_named(folder: Path) -> None:
    edit(folder, lambda tensors: tensors.pop("pixels.mask.0.1.running_var"))
    with pytest.raises(CheckpointError, match=r"missing: pixels\.mask\.0\.1\.running_var"):
        read(folder)


def test_extra_tensor_is_named(folder: Path) -> None:
    edit(folder, lambda tensors: tensors.update(stray=torch.zeros(3)))
    with pytest.raises(CheckpointError, match="unknown: stray"):
        read(folder)


def test_tensor_of_another_shape_is_named(folder: Path) -> None:
    edit(folder, lambda tensors: tensors.update({KEY: tensors[KEY][:, :-1].contiguous()}))
    with pytest.raises(CheckpointError, match=f"of another shape: {KEY}"):
        read(folder)


def test_every_fault_is_named(folder: Path) -> None:
    edit(folder, lambda tensors: tensors.update(stray=tensors.pop(KEY)))
    with pytest.raises(CheckpointError, match=f"missing: {KEY}; unknown: stray"):
        read(folder)


def test_pickled_weights_are_refused(folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    torch.save(MODEL.state_dict(), folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="safetensors"):
        read(folder)


@pytest.mark.parametrize("kept", [0, 5, 1000, -100])
def test_truncated_weights(folder: Path, kept: int) -> None:
    content = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(content[:kept])
    with pytest.raises(CheckpointError, match="no model could be read"):
        read(folder)


@pytest.fixture
def unbuilt(monkeypatch: pytest.MonkeyPatch) -> None:
    """No network may be built: without a config, transformers would build one of 8 billion weights."""
    monkeypatch.setattr(UMindModel, "__init__", lambda *_: pytest.fail("a network was built"))


@pytest.mark.usefixtures("unbuilt")
@pytest.mark.parametrize(
    ("name", "content"),
    [
        *(
            (name, content)
            for name in ("config.json", "tokenizer.json")
            for content in (None, "", "{", '{"model_type": "umind"}')
        ),
        ("config.json", '{"model_type": "qwen3", "text_config": {"hidden_size": 8}}'),
        ("tokenizer_config.json", "{"),
    ],
)
def test_missing_or_broken_file(folder: Path, name: str, content: str | None) -> None:
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_text(content, "utf-8")
    with pytest.raises(CheckpointError, match="no model could be read"):
        read(folder)


def test_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="nowhere"):
        read(tmp_path / "nowhere")


@pytest.mark.parametrize("kind", ["umind", "qwen3", None])
def test_what_is_no_qwen_vl_is_no_backbone(folder: Path, kind: str | None) -> None:
    (folder / "config.json").unlink()
    if kind is not None:
        (folder / "config.json").write_text(json.dumps({"model_type": kind}), "utf-8")
    with pytest.raises(CheckpointError, match="no Qwen-VL could be read"):
        load_backbone(folder, device="cpu", dtype="float32")


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    model, _ = build()
    model.add_adapter(peft.LoraConfig(r=2, target_modules=["q_proj", "v_proj"], init_lora_weights=False))
    model.save_pretrained(tmp_path / "adapter")
    return tmp_path / "adapter"


def test_adapter_changes_the_states(folder: Path, adapter: Path) -> None:
    model, processor = read(folder, adapter=adapter)
    assert not model.training
    packed = inputs(processor.pack([[SEGMENT]]))
    with torch.no_grad():
        with_it, without = (m(**packed, pixel_values=pixel_values(1)).hidden for m in (model, MODEL))
    assert (with_it - without).abs().max() > 1e-3


def test_missing_adapter_tensor_is_named(folder: Path, adapter: Path) -> None:
    tensors = load_file(adapter / "adapter_model.safetensors")
    tensors.pop(next(name for name in tensors if "layers.0.self_attn.q_proj.lora_A" in name))
    save_file(tensors, adapter / "adapter_model.safetensors", metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match=r"missing: .*layers\.0\.self_attn\.q_proj\.lora_A"):
        read(folder, adapter=adapter)


def test_pickled_adapter_is_refused(folder: Path, tmp_path: Path) -> None:
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    torch.save({}, adapter / "adapter_model.bin")
    with pytest.raises(CheckpointError, match=r"adapter_model\.safetensors"):
        read(folder, adapter=adapter)
