"""Two processes on a CPU train as one does: the same examples, the same losses, one folder.

The pixel encoder is frozen, statistics of its batch normalisation with it: two processes would each count their own images,
and torch synchronises such statistics on GPUs only. One process takes the examples of a step one by one and adds up their
gradients, because a loss is the mean over what a batch shows, and the mean over two images at once weighs them differently.
Around a Qwen-VL an adapter learns beside shards of frozen weights, and the norm of its gradients is clipped.
"""

import json
import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest
import tiny_qwen
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.strategies import DDPStrategy
from torch import distributed, multiprocessing
from torch.distributed.tensor import DTensor

from umind import UMindVL
from umind.backbone.adapter import AdapterConfig
from umind.backbone.moe.attach import new_parameters
from umind.backbone.moe.config import MoEConfig
from umind.backbone.moe.upcycle import upcycle
from umind.checkpoint import load, save
from umind.training.callbacks import SaveModel
from umind.training.module import UMindModule
from umind.training.sharded import ShardedStrategy

pytestmark = [
    pytest.mark.skipif(not distributed.is_gloo_available(), reason="torch has no gloo here"),
    pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="processes cannot be forked here"),
    pytest.mark.skipif(torch.cuda.is_available(), reason="threads of autograd that serve a GPU do not outlive a fork"),
    pytest.mark.filterwarnings("ignore:.*does not have many workers:UserWarning"),  # a tiny run needs none
    pytest.mark.filterwarnings("ignore:.*sync_dist=True"),  # figures of validation are those of the first process
    pytest.mark.filterwarnings("ignore:FSDP2-wrapped module .* returned a view"),  # which nobody changes in place
    pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning"),  # Lightning calls what torch has renamed
]
STEPS = 4
QUIET = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
TOLERANCE = 2e-5
"""Relative: the sum of two gradients is rounded in another order; 4e-7 was seen. Adam's first steps have the size of the rate,
however small a gradient, and three of them lie before the last loss. A process that learns alone is 4e-4 away at the second
step, and 4e-3 at the last."""


@pytest.fixture(scope="module")
def qwen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Qwen-VL, and a umind model around it."""
    folder = tmp_path_factory.mktemp("qwen")
    tiny_qwen.build("qwen2_5_vl", folder / "base").save_pretrained(folder / "umind")
    return folder


def made(studio, qwen: Path | None) -> UMindModule:
    """The small model, or an adapter around a Qwen-VL; the same every time."""
    settings = {"frozen": ("pixels",), "weight_decay": 0.0, "warmup_steps": 3, "gradient_checkpointing": True}
    if qwen is None:
        return studio.module(**settings)
    torch.manual_seed(2)  # products begin at random
    return UMindModule(init=qwen / "umind", adapter=AdapterConfig(rank=2), **settings)


def train(studio, root: Path, qwen: Path | None, **kwargs: object) -> tuple[list[float], UMindModule]:
    """Losses of this process, one for each example, and what it has learnt."""
    module = made(studio, qwen)
    losses, step = [], module.step

    def noted(batch):
        total, parts, output = step(batch)
        if module.training:
            losses.append(float(total.detach()))
        return total, parts, output

    module.step = noted
    settings = {"accelerator": "cpu", "max_steps": STEPS, "num_sanity_val_steps": 0, "log_every_n_steps": 1, **QUIET, **kwargs}
    if qwen is not None:
        settings["gradient_clip_val"] = 1.0
    Trainer(default_root_dir=root, **settings).fit(module, studio.data(batch_size=1, num_samples=2 * STEPS))
    return losses, module


def one_of_two(rank: int, port: int, studio, root: Path, qwen: Path | None, kind: str) -> None:
    """What each process does."""
    torch.set_num_threads(1)
    where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2", "NODE_RANK": "0", "LOCAL_RANK": str(rank)}
    os.environ.update(where)
    strategy = DDPStrategy(process_group_backend="gloo") if kind == "ddp" else ShardedStrategy("gloo")
    losses, module = train(studio, root, qwen, strategy=strategy, devices=2, callbacks=[SaveModel()])
    sharded = sum(isinstance(parameter, DTensor) for parameter in module.model.parameters())
    (root / f"{rank}.json").write_text(json.dumps({"losses": losses, "sharded": sharded}), "utf-8")
    distributed.destroy_process_group()


def two(studio, root: Path, qwen: Path | None, kind: str) -> list[dict]:
    """What two processes report."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=one_of_two, args=(rank, port, studio, root, qwen, kind)) for rank in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(400)
        if process.is_alive():
            process.kill()
    assert [process.exitcode for process in processes] == [0, 0]
    return [json.loads((root / f"{rank}.json").read_text("utf-8")) for rank in range(2)]


@pytest.fixture(scope="module")
def alone(studio, tmp_path_factory: pytest.TempPathFactory) -> list[float]:
    """Losses of one process, two examples a step."""
    return train(studio, tmp_path_factory.mktemp("alone"), None, accumulate_grad_batches=2, limit_val_batches=0)[0]


@pytest.mark.parametrize("kind", ["ddp", "fsdp"])
def test_two_processes_have_the_losses_of_one(studio, tmp_path: Path, alone: list[float], kind: str) -> None:
    reports = two(studio, tmp_path, None, kind)
    assert len(alone) == 2 * STEPS
    for rank, report in enumerate(reports):
        assert report["losses"] == pytest.approx(alone[rank::2], rel=TOLERANCE)
        assert (report["sharded"] > 0) == (kind == "fsdp")
    model, _ = load(tmp_path / "model", device="cpu", dtype="float32")  # one of them has saved, and all of it
    start = studio.module().model.state_dict()
    changed = {
        name.split(".")[0] for name, tensor in model.state_dict().items() if not torch.equal(tensor, rounded(start[name]))
    }
    assert changed == {"language", "lm_head", "regions", "points"}


@pytest.mark.parametrize("kind", ["ddp", "fsdp"])
def test_experts_hear_of_the_region_in_every_process(studio, tmp_path: Path, kind: str) -> None:
    model, processor = load(studio.init, device="cpu", dtype="float32")
    torch.manual_seed(4)
    upcycle(model.language, MoEConfig(moe_intermediate_size=16, shared_expert_intermediate_size=24, region_prior=True))
    maps = {name: tensor for name, tensor in new_parameters(model).items() if name.endswith("gate.region")}
    for tensor in maps.values():
        torch.nn.init.normal_(tensor)
    save(model, processor, tmp_path / "init")
    sparse = replace(studio, init=tmp_path / "init")
    losses, _ = train(sparse, tmp_path, None, accumulate_grad_batches=2, limit_val_batches=0)
    for rank, report in enumerate(two(sparse, tmp_path, None, kind)):
        assert report["losses"] == pytest.approx(losses[rank::2], rel=TOLERANCE)
    learnt, _ = load(tmp_path / "model", device="cpu", dtype="float32")
    assert len(maps) == 2
    assert not any(torch.equal(learnt.get_parameter(name), rounded(tensor)) for name, tensor in maps.items())


@pytest.fixture(scope="module")
def alone_around(studio, qwen: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[float], UMindModule]:
    """Losses of one process around a Qwen-VL, two examples a step, and what it has learnt."""
    return train(studio, tmp_path_factory.mktemp("alone"), qwen, accumulate_grad_batches=2, limit_val_batches=0)


@pytest.mark.parametrize("kind", ["ddp", "fsdp"])
def test_an_adapter_around_a_qwen_vl(
    studio, qwen: Path, tmp_path: Path, alone_around: tuple[list[float], UMindModule], kind: str
) -> None:
    losses, module = alone_around
    reports = two(studio, tmp_path, qwen, kind)
    for rank, report in enumerate(reports):
        assert report["losses"] == pytest.approx(losses[rank::2], rel=TOLERANCE)
        assert report["sharded"] == (len(list(module.model.parameters())) if kind == "fsdp" else 0)
    learnt = UMindVL.from_pretrained(qwen / "umind", adapter=tmp_path / "model").model
    wanted = module.model.regions.modules_to_save["default"].state_dict()
    for name, parameter in learnt.regions.named_parameters():
        torch.testing.assert_close(parameter.detach(), wanted[name], atol=1e-5, rtol=0.01)  # saved in bf16
    start = UMindVL.from_pretrained(qwen / "umind").model.state_dict()
    changed = {name for name, tensor in learnt.state_dict().items() if not torch.equal(tensor, start[name])}
    assert {f"language.language_model.layers.{k}.self_attn.q_proj.weight" for k in range(2)} <= changed
    assert not any("visual" in name for name in changed)


def rounded(tensor: torch.Tensor) -> torch.Tensor:
    """As it comes back from bf16."""
    return tensor.bfloat16().float() if tensor.is_floating_point() else tensor


def test_quantised_weights_are_not_sharded(studio) -> None:
    module = studio.module()
    module.model.quantised = "nf4"
    with pytest.raises(ValueError, match="weights in nf4 are not sharded: take `strategy: ddp`"):
        ShardedStrategy("gloo").connect(module)
