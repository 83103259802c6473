"""`umind fit|validate|test|predict` on a run of a few steps."""

import pickle
import socket
from pathlib import Path

import pytest
import tiny_qwen
import torch
import yaml
from torch import distributed
from torch.distributed.tensor import DTensor
from transformers import PreTrainedTokenizerFast

from umind import UMindVL
from umind.backbone.moe.attach import dual_paths, new_parameters
from umind.backbone.pixels import PixelConfig
from umind.checkpoint import load, save
from umind.cli.fit import run
from umind.data.phantom import phantom_sample
from umind.data.prepare import prepare
from umind.data.store import Store
from umind.decoders.config import DecoderConfig
from umind.model import UMindConfig, UMindModel
from umind.processor.processor import UMindImageProcessor, UMindProcessor
from umind.training.module import words_of
from umind.training.sharded import ShardedStrategy

REPOSITORY = Path(__file__).parents[2]
ON_TOP = {"further", "decoders", "classes", "echovlm_moe", "qwen_vl_alignment", "qwen_vl_instruction", "fsdp"}
"""Configs that stand on another."""
CONFIGS = [path for path in sorted((REPOSITORY / "configs").glob("*.yaml")) if path.stem not in ON_TOP]
TEXT = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2, "head_dim": 16}

pytestmark = [
    pytest.mark.filterwarnings("ignore::jsonargparse._deprecated.JsonargparseDeprecationWarning"),  # LightningCLI's own calls
    pytest.mark.filterwarnings("ignore:.*does not have many workers:UserWarning"),  # a tiny run needs none
    pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning"),  # Lightning calls what torch has renamed
    pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists:UserWarning"),  # on purpose, when a run goes on
    pytest.mark.filterwarnings("ignore:Experiment logs directory .* exists:UserWarning"),
]


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Config of a run of two steps; its run has been done."""
    folder = tmp_path_factory.mktemp("cli")
    prepare(None, folder / "stores", size=64, num_phantoms=6, num_val_phantoms=3, num_examples=20)
    Store.write(folder / "stores" / "phantom-test", [phantom_sample(seed, size=64) for seed in (7, 8)], 2, 64)
    torch.manual_seed(0)
    small = UMindConfig.tiny(vocab_size=2048, **TEXT)
    small.pixel_config = PixelConfig(encoder="mobilenetv2_035", image_size=64, width=16, mask_channels=8)
    small.decoder_config = DecoderConfig(instance_size=32, kernel_channels=8)
    words = PreTrainedTokenizerFast.from_pretrained(folder / "stores" / "tokenizer")
    save(UMindModel(small), UMindProcessor(UMindImageProcessor(size=64), words, 4), folder / "init")
    run_folder = str(folder / "run")
    logger = {"class_path": "lightning.pytorch.loggers.CSVLogger", "init_args": {"save_dir": run_folder}}
    checkpoints = {"dirpath": f"{run_folder}/checkpoints", "every_n_train_steps": 1, "save_last": True}
    settings = {
        "seed_everything": 0,
        "model": {"init": str(folder / "init"), "warmup_steps": 2},
        "data": {
            "folder": str(folder / "stores"),
            "weights": {"phantom": 1.0},
            "batch_size": 2,
            "num_samples": 8,
            "val_limit": 3,
            "num_workers": 0,
        },
        "trainer": {
            "max_steps": 2,
            "accelerator": "cpu",
            "val_check_interval": 2,
            "log_every_n_steps": 1,
            "num_sanity_val_steps": 0,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "default_root_dir": run_folder,
            "logger": [logger],
            "callbacks": [
                {"class_path": "umind.training.callbacks.SaveModel"},
                {"class_path": "umind.training.callbacks.Overlays"},
                {"class_path": "lightning.pytorch.callbacks.ModelCheckpoint", "init_args": checkpoints},
            ],
        },
    }
    path = folder / "run.yaml"
    path.write_text(yaml.safe_dump(settings), "utf-8")
    return path


@pytest.fixture(scope="module")
def fitted(config: Path) -> Path:
    """Folder of the finished run."""
    run("fit", ["--config", str(config)])
    return config.parent / "run"


def test_fit_leaves_a_model_and_goes_on(config: Path, fitted: Path) -> None:
    model, _ = load(fitted / "model", device="cpu", dtype="float32")
    assert model.config.pixel_config.image_size == 64
    assert steps_of(fitted) == 2
    run("fit", ["--config", str(config), "--ckpt_path", "last", "--trainer.max_steps", "4"])
    assert steps_of(fitted) == 4
    resumed = sorted(fitted.glob("lightning_logs/version_*/metrics.csv"))[-1].read_text("utf-8")
    assert "train/loss" in resumed.splitlines()[0]
    assert {line.split(",")[1] for line in resumed.splitlines()[1:]} == {"2", "3"}


def steps_of(folder: Path) -> int:
    newest = max((folder / "checkpoints").glob("last*.ckpt"), key=lambda path: path.stat().st_mtime_ns)
    state = torch.load(newest, weights_only=True)
    assert state["MixtureData"]["samples"] == 2 * state["global_step"]
    return int(state["global_step"])


@pytest.mark.parametrize(("subcommand", "prefix"), [("validate", "val"), ("test", "test")])
def test_figures(config: Path, fitted: Path, subcommand: str, prefix: str, capsys: pytest.CaptureFixture[str]) -> None:
    stamp = (fitted / "model" / "model.safetensors").stat().st_mtime_ns
    run(subcommand, ["--config", str(config), "--ckpt_path", "last"])
    said = capsys.readouterr().out
    assert f"{prefix}/dice_at_truth" in said
    assert f"{prefix}/word_accuracy" in said
    assert (fitted / "model" / "model.safetensors").stat().st_mtime_ns == stamp


def test_predict(config: Path, fitted: Path) -> None:
    run("predict", ["--config", str(config), "--ckpt_path", str(fitted / "checkpoints" / "last.ckpt")])


def test_the_recipe_of_experts_teaches_them_alone(config: Path) -> None:
    folder = config.parent / "experts"
    settings = config.parent / "experts.yaml"
    settings.write_text(config.read_text("utf-8").replace(str(config.parent / "run"), str(folder)), "utf-8")
    recipe = ["--config", str(settings), "--config", str(REPOSITORY / "configs" / "echovlm_moe.yaml")]
    small = ["--model.init", str(config.parent / "init"), "--data.num_samples", "8"]
    prior = ["--model.experts.region_prior", "true"]
    run("fit", [*recipe, *small, *prior, "--trainer.max_steps", "2", "--trainer.val_check_interval", "2"])
    (dense, _), (model, _) = (
        load(place, device="cpu", dtype="bfloat16") for place in (config.parent / "init", folder / "model")
    )
    assert set(dual_paths(model)) == {"language.layers.0.mlp"}
    learnt, kept = set(new_parameters(model)), model.state_dict()
    assert {name.replace(".mlp.dense.", ".mlp.") for name in kept.keys() - learnt} == dense.state_dict().keys()
    for name in kept.keys() - learnt:
        assert torch.equal(kept[name], dense.state_dict()[name.replace(".mlp.dense.", ".mlp.")]), name
    weight = kept["language.layers.0.mlp.coefficient.weight"]
    assert weight.any()  # upcycling starts it at 0
    assert kept["language.layers.0.mlp.moe.gate.region"].any()
    figures = sorted(folder.glob("lightning_logs/version_*/metrics.csv"))[-1].read_text("utf-8")
    assert {"train/balance", "train/router_z", "val/balance"} <= set(figures.splitlines()[0].split(","))


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("subcommand", ["fit", "validate", "test", "predict"])
def test_a_checkpoint_is_never_run_as_code(config: Path, fitted: Path, subcommand: str, tmp_path: Path) -> None:
    state = torch.load(fitted / "checkpoints" / "last.ckpt", weights_only=True)
    torch.save(state | {"trap": Trap(tmp_path / "sprung")}, fitted / "checkpoints" / "last-trap.ckpt")
    try:
        for path in ("last", str(fitted / "checkpoints" / "last-trap.ckpt")):
            with pytest.raises(pickle.UnpicklingError, match="eights"):
                run(subcommand, ["--config", str(config), "--ckpt_path", path])
    finally:
        (fitted / "checkpoints" / "last-trap.ckpt").unlink()
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("subcommand", ["fit", "validate", "test", "predict"])
def test_help(subcommand: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(subcommand, ["--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert said.startswith("usage: umind")
    assert "--ckpt_path" in said
    assert "--data.folder" in said


def on_a_small_run(config: Path, base: Path) -> dict[str, object]:
    """What makes a run of one step on a CPU out of a shipped config around a Qwen-VL."""
    small = {"data.folder": config.parent / "stores", "data.weights": '{"phantom": 1.0}', "data.batch_size": 2}
    small |= {"data.num_samples": 4, "data.val_limit": 1, "data.num_workers": 0, "model.imagenet": "false"}
    small |= {"trainer.accelerator": "cpu", "trainer.accumulate_grad_batches": 1, "trainer.max_steps": 1}
    small |= {"trainer.val_check_interval": 1, "trainer.log_every_n_steps": 1}
    return small | {"trainer.enable_progress_bar": "false", "trainer.enable_model_summary": "false", "model.backbone": base}


def test_the_stages_around_a_qwen_vl(config: Path, tmp_path: Path) -> None:
    """The shipped configs, one after the other, on a tiny model and phantoms."""
    base = tiny_qwen.backbone("qwen2_5_vl", tmp_path / "base")
    small = on_a_small_run(config, base)
    before = ()
    for stage in ("alignment", "lora", "instruction"):
        root = tmp_path / stage
        files = [REPOSITORY / "configs" / f"qwen_vl_{name}.yaml" for name in dict.fromkeys(("lora", stage))]
        words = [word for path in files for word in ("--config", str(path))]
        given = small | {"trainer.default_root_dir": root}
        run("fit", [*words, *(f"--{name}={value}" for name, value in given.items()), *before])
        before = (f"--model.adapter_init={root / 'model'}",)
    learnt = UMindVL.from_backbone(base, adapter=root / "model").model
    untouched = UMindVL.from_backbone(base).model
    assert torch.equal(learnt.language.visual.patch_embed.proj.weight, untouched.language.visual.patch_embed.proj.weight)
    layer = "language.language_model.layers.0.self_attn.q_proj"
    assert not torch.equal(learnt.get_submodule(layer).weight, untouched.get_submodule(layer).weight)


@pytest.mark.skipif(not distributed.is_gloo_available(), reason="torch has no gloo here")
@pytest.mark.filterwarnings("ignore:FSDP2-wrapped module .* returned a view")  # which nobody changes in place
@pytest.mark.filterwarnings("ignore:.*sync_dist=True")  # figures of validation are those of the first process
def test_shards_on_top_of_a_stage(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one process of one, which has to find the others by itself."""
    base = tiny_qwen.backbone("qwen2_5_vl", tmp_path / "base")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": 1, "NODE_RANK": 0, "LOCAL_RANK": 0}
    for name, value in where.items():
        monkeypatch.setenv(name, str(value))
    seen = []
    monkeypatch.setattr(ShardedStrategy, "teardown", lambda self: seen.append(self.lightning_module.model))
    files = [word for name in ("qwen_vl_lora", "fsdp") for word in ("--config", str(REPOSITORY / "configs" / f"{name}.yaml"))]
    small = on_a_small_run(config, base) | {"trainer.devices": 1, "trainer.default_root_dir": tmp_path / "run"}
    try:
        run("fit", [*files, *(f"--{name}={value}" for name, value in small.items())])
    finally:
        if distributed.is_initialized():
            distributed.destroy_process_group()
    assert {type(parameter) for parameter in words_of(seen[0]).layers.parameters()} == {DTensor}
    assert {p.dtype for p in seen[0].parameters() if p.requires_grad} == {torch.float32}
    assert seen[0].get_input_embeddings().weight.dtype == torch.bfloat16
    learnt = UMindVL.from_backbone(base, adapter=tmp_path / "run" / "model").model
    rows = learnt.get_input_embeddings().weight[list(learnt.config.ids.tasks)]
    assert not torch.equal(rows, UMindVL.from_backbone(base).model.get_input_embeddings().weight[list(learnt.config.ids.tasks)])


def test_each_config_has_a_run_folder_of_its_own() -> None:
    roots = []
    for path in CONFIGS:
        trainer = yaml.safe_load(path.read_text("utf-8"))["trainer"]
        root = trainer["default_root_dir"]
        roots.append(root)
        assert Path(root).name == path.stem
        for part in (*trainer.get("logger", ()), *trainer["callbacks"]):
            for key in ("save_dir", "dirpath"):
                place = part.get("init_args", {}).get(key, root)
                assert Path(place).is_relative_to(root)
    assert len(set(roots)) == len(roots) >= 2


def test_callbacks_of_the_shipped_configs_stand_before_averaging() -> None:
    for path in CONFIGS:
        names = [
            part["class_path"].rpartition(".")[2] for part in yaml.safe_load(path.read_text("utf-8"))["trainer"]["callbacks"]
        ]
        assert names[:2] == ["SaveModel", "Overlays"]
