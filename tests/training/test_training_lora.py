"""Adapters around a Qwen-VL in training: what learns at each stage, what is left behind, and gradients from less memory."""

from pathlib import Path

import pytest
import tiny_qwen
import torch
import yaml
from lightning.pytorch import Trainer

from umind import UMindVL
from umind.backbone.adapter import AdapterConfig
from umind.training.callbacks import SaveModel
from umind.training.module import UMindModule
from umind.training.objective import LossWeights

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*does not have many workers:UserWarning"),  # a tiny run needs none
    pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning"),  # Lightning calls what torch has renamed
]
CONFIGS = Path(__file__).parents[2] / "configs"
STAGES = ("alignment", "lora", "instruction")


def learning(module: UMindModule) -> dict[str, set[str]]:
    """First words of the names of what may change, by kind."""
    kinds: dict[str, set[str]] = {"product": set(), "row": set(), "whole": set(), "other": set()}
    for name, parameter in module.model.named_parameters():
        if parameter.requires_grad:
            marks = {".lora_": "product", "trainable_tokens_delta": "row", ".modules_to_save.": "whole"}
            kind = next((kind for mark, kind in marks.items() if mark in name), "other")
            kinds[kind].add(".".join(name.split(".")[: 2 if name.startswith("language") else 1]))
    return kinds


@pytest.mark.parametrize("family", ["qwen2_5_vl", "qwen3_vl"])
def test_thirty_steps_of_an_adapter_halve_the_loss_of_two_phantoms(family: str, tmp_path: Path) -> None:
    tiny_qwen.build(family, tmp_path / "base").save_pretrained(tmp_path / "umind")
    module = UMindModule(init=tmp_path / "umind", frozen=(), adapter=AdapterConfig(rank=4))
    before = {name: tensor.clone() for name, tensor in module.model.state_dict().items() if "default" not in name.split(".")}
    batch = tiny_qwen.phantoms(module.processor, tiny_qwen.SIDE)
    learns = {name: parameter for name, parameter in module.named_parameters() if parameter.requires_grad}
    losses = tiny_qwen.learn(module, batch)
    assert losses[-1] < 0.5 * losses[0], losses
    idle = {name for name, parameter in learns.items() if parameter.grad is None}
    assert all("pixels.modules_to_save.default.to_token" in name for name in idle), idle
    after = module.model.state_dict()
    assert [name for name, tensor in before.items() if not torch.equal(tensor, after[name])] == []
    module.model.save_pretrained(tmp_path / "adapter")
    settings = {"pixels": tiny_qwen.PIXELS, "decoders": tiny_qwen.DECODERS}
    learnt = UMindVL.from_backbone(tmp_path / "base", adapter=tmp_path / "adapter", **settings)
    delta = module.model.get_input_embeddings().token_adapter.trainable_tokens_delta["default"]
    assert torch.equal(learnt.model.get_input_embeddings().weight[list(learnt.model.config.ids.tasks)], delta)


def test_each_stage_learns_what_its_config_says_and_goes_on_from_the_one_before(tmp_path: Path) -> None:
    tiny_qwen.backbone("qwen2_5_vl", tmp_path / "base")
    before, kinds, text = None, {}, {}
    for stage in STAGES:
        settings = yaml.safe_load((CONFIGS / "qwen_vl_lora.yaml").read_text("utf-8"))["model"]
        settings |= yaml.safe_load((CONFIGS / f"qwen_vl_{stage}.yaml").read_text("utf-8"))["model"]
        settings |= {"adapter": AdapterConfig(**settings["adapter"]), "loss": LossWeights(**settings.get("loss", {}))}
        module = UMindModule(backbone=str(tmp_path / "base"), imagenet=False, adapter_init=before, **settings)
        kinds[stage], text[stage] = learning(module), module.weights.text
        if before is not None:  # a number that the stage before has left
            assert (module.model.points.modules_to_save["default"].state_dict()[name] == 1).all()
        name = next(iter(module.model.points.modules_to_save["default"].state_dict()))
        module.model.points.modules_to_save["default"].state_dict()[name].fill_(1)
        before = tmp_path / stage
        module.model.save_pretrained(before)
    words, parts = {"language.language_model"}, {"pixels", "regions", "points"}
    assert kinds == {
        "alignment": {"product": set(), "row": words, "whole": parts, "other": set()},
        "lora": {"product": words, "row": words, "whole": parts, "other": set()},
        "instruction": {"product": words, "row": words, "whole": parts - {"pixels"}, "other": set()},
    }
    assert text == {"alignment": 1, "lora": 1, "instruction": 4}


def test_a_fit_leaves_a_folder_that_goes_on_the_published_model(studio, tmp_path: Path) -> None:
    tiny_qwen.build("qwen2_vl", tmp_path / "base").save_pretrained(tmp_path / "umind")
    module = UMindModule(init=tmp_path / "umind", adapter=AdapterConfig(rank=2), gradient_checkpointing=True, warmup_steps=1)
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=1,
        default_root_dir=tmp_path,
        callbacks=[SaveModel()],
        num_sanity_val_steps=0,
        log_every_n_steps=1,
        **quiet,
    )
    trainer.fit(module, studio.data(num_samples=4))
    assert {path.suffix for path in (tmp_path / "model").iterdir()} <= {".json", ".safetensors", ".jinja"}
    settings = {"pixels": tiny_qwen.PIXELS, "decoders": tiny_qwen.DECODERS}
    learnt = UMindVL.from_backbone(tmp_path / "base", adapter=tmp_path / "model", **settings).model
    wanted = module.model.regions.modules_to_save["default"].state_dict()
    for name, tensor in learnt.regions.state_dict().items():
        rounded = wanted[name].bfloat16().float() if tensor.is_floating_point() else wanted[name]
        torch.testing.assert_close(tensor, rounded, atol=0, rtol=0)


@pytest.mark.parametrize("family", ["qwen2_5_vl", "qwen3_vl_moe"])
def test_gradients_are_the_same_with_gradient_checkpointing(family: str, tmp_path: Path) -> None:
    tiny_qwen.build(family, tmp_path / "base").save_pretrained(tmp_path / "umind")
    gradients, passes = [], []
    for checkpointing in (False, True):
        torch.manual_seed(0)
        module = UMindModule(
            init=tmp_path / "umind", frozen=(), adapter=AdapterConfig(rank=2), gradient_checkpointing=checkpointing
        )
        count: list[int] = []
        module.model.language.language_model.layers[1].self_attn.register_forward_hook(lambda *_, seen=count: seen.append(1))
        module.step(tiny_qwen.phantoms(module.processor, tiny_qwen.SIDE))[0].backward()
        gradients.append({name: p.grad for name, p in module.model.named_parameters() if p.grad is not None})
        passes.append(len(count))
    assert passes == [1, 2]
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, atol=1e-6, rtol=1e-5)


def test_an_earlier_adapter_wants_one_that_goes_on(studio, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="`adapter_init` wants an `adapter`"):
        studio.module(adapter_init=tmp_path)
