"""Numbers of the mixture of experts, and where a model's config keeps them."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from transformers import PreTrainedConfig


@dataclass(frozen=True, kw_only=True)
class MoEConfig:
    """Sizes and rules of the experts; names as in transformers' Qwen2-MoE, defaults as in EchoVLM (arXiv 2509.14977).

    Args:
        num_experts: How many routed experts a layer has.
        num_experts_per_tok: How many of them a token takes, skip experts included; without effect where ``router_mass`` is set.
        moe_intermediate_size: Width of a routed expert.
        shared_expert_intermediate_size: Width of the expert that every token takes; 0 for none.
        norm_topk_prob: Whether the weights of the experts that a token takes are scaled to sum to 1.
        router_aux_loss_coef: Weight of the balance loss in an objective.
        router_z_loss_coef: Weight of the router z-loss in an objective; ST-MoE (Zoph et al., 2022) has 0.001.
        router_mass: A token takes experts, most probable first, until their probabilities sum to this, at most all
            (Huang et al., ACL 2024); None for a fixed number.
        num_skip_experts: How many choices of the router return their input and compute nothing (LongCat-Flash, 2025,
            "zero-computation experts"). They count neither as experts nor as work in the balance loss.
        region_prior: Region-aware routing: every router adds a prior to its logits, which it learns to make of the mean of the
            sequence's visual tokens, as they tell what is scanned. It is 0 at the start, and where there is no image; the model
            that forms the visual tokens has to hand it in, as `UMindModel` does.

    Raises:
        ValueError: A number is out of its range, which is named.
    """

    num_experts: int = 4
    num_experts_per_tok: int = 2
    moe_intermediate_size: int = 1408
    shared_expert_intermediate_size: int = 5632
    norm_topk_prob: bool = False
    router_aux_loss_coef: float = 0.001
    router_z_loss_coef: float = 0.0
    router_mass: float | None = None
    num_skip_experts: int = 0
    region_prior: bool = False

    def __post_init__(self) -> None:
        allowed = {
            "num_experts": self.num_experts >= 1,
            "num_experts_per_tok": 1 <= self.num_experts_per_tok <= self.num_choices,
            "moe_intermediate_size": self.moe_intermediate_size >= 1,
            "shared_expert_intermediate_size": self.shared_expert_intermediate_size >= 0,
            "router_aux_loss_coef": self.router_aux_loss_coef >= 0,
            "router_z_loss_coef": self.router_z_loss_coef >= 0,
            "router_mass": self.router_mass is None or 0 < self.router_mass <= 1,
            "num_skip_experts": self.num_skip_experts >= 0,
        }
        wrong = [f"{name}={getattr(self, name)}" for name, fits in allowed.items() if not fits]
        if wrong:
            raise ValueError(f"no mixture of experts has {', '.join(wrong)}, with {self.num_choices} choices for the router")

    @property
    def num_choices(self) -> int:
        """Between how many experts the router chooses: routed and skip experts."""
        return self.num_experts + self.num_skip_experts

    @property
    def idles(self) -> bool:
        """Whether a place among a token's choices can be one that computes nothing."""
        return self.router_mass is not None or self.num_skip_experts > 0

    def write(self, config: PreTrainedConfig) -> None:
        """Put every number into the language model's config, as ``moe``, so that ``config.json`` has them."""
        config.get_text_config().moe = asdict(self)

    @classmethod
    def read(cls, config: PreTrainedConfig) -> MoEConfig | None:
        """The numbers that ``write`` put there; None for a config without experts.

        Raises:
            ValueError: They are no numbers of experts.
        """
        numbers = getattr(config.get_text_config(), "moe", None)
        try:
            return None if numbers is None else cls(**numbers)
        except TypeError as error:
            raise ValueError(f"no mixture of experts has moe={numbers}: {error}") from error
