from dataclasses import asdict, replace
from pathlib import Path

import pytest
from families import TEXT
from transformers import Qwen2VLConfig, Qwen3Config

from umind.backbone.moe.config import MoEConfig

WRONG = {
    "num_experts": 0,
    "num_experts_per_tok": 5,
    "moe_intermediate_size": 0,
    "shared_expert_intermediate_size": -1,
    "router_aux_loss_coef": -0.1,
    "router_z_loss_coef": -0.1,
    "router_mass": 1.5,
    "num_skip_experts": -1,
}


@pytest.mark.parametrize(("name", "value"), WRONG.items())
def test_number_out_of_range_is_named(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name}={value}"):
        replace(MoEConfig(), **{name: value})


@pytest.mark.parametrize("mass", [0.0, -0.2])
def test_mass_is_positive(mass: float) -> None:
    with pytest.raises(ValueError, match="router_mass"):
        MoEConfig(router_mass=mass)


def test_skip_experts_are_choices() -> None:
    config = MoEConfig(num_experts=2, num_skip_experts=3, num_experts_per_tok=5)
    assert config.num_choices == 5
    assert config.idles
    assert not MoEConfig().idles
    assert MoEConfig(router_mass=0.5).idles


def test_defaults_are_the_published_ones() -> None:
    config = MoEConfig()
    assert (config.num_experts, config.num_experts_per_tok, config.norm_topk_prob) == (4, 2, False)
    assert (config.moe_intermediate_size, config.shared_expert_intermediate_size) == (1408, 5632)
    assert (config.router_aux_loss_coef, config.router_z_loss_coef) == (0.001, 0.0)
    assert (config.router_mass, config.num_skip_experts) == (None, 0)
    assert not config.region_prior


@pytest.mark.parametrize("kind", [Qwen3Config, Qwen2VLConfig])
def test_every_number_goes_through_config_json(kind: type[Qwen3Config], tmp_path: Path) -> None:
    numbers = MoEConfig(num_experts=7, num_experts_per_tok=3, router_mass=0.3, num_skip_experts=1, region_prior=True)
    config = kind(**TEXT)
    assert MoEConfig.read(config) is None
    numbers.write(config)
    config.save_pretrained(tmp_path)
    loaded = kind.from_pretrained(tmp_path)
    assert MoEConfig.read(loaded) == numbers
    assert loaded.get_text_config().moe == asdict(numbers)


@pytest.mark.parametrize("numbers", [{"num_expert": 4}, {"num_experts": "four"}, 4])
def test_what_is_no_number_of_experts_is_shown(numbers: object) -> None:
    config = Qwen3Config(**TEXT, moe=numbers)
    with pytest.raises(ValueError, match=r"no mixture of experts has moe="):
        MoEConfig.read(config)
