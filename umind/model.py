"""The network: pixel encoder, language model and decoders, composed from their configs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from transformers import Cache, DynamicCache, GenerationMixin, PreTrainedConfig, PreTrainedModel, Qwen3Config, Qwen3Model
from transformers.utils.generic import ModelOutput

from umind.backbone.moe.attach import attach, draw_missing
from umind.backbone.moe.config import MoEConfig
from umind.backbone.pixels import PixelConfig, PixelEncoder, PixelFeatures
from umind.decoders.config import DecoderConfig
from umind.decoders.decoder import InstanceSites, RegionDecoder, RegionOutput
from umind.decoders.keypoint.head import KeypointHead, PointOutput
from umind.tokens.slots import IMAGE_ID, anchors, find_slots, layout
from umind.tokens.vocabulary import END, KPT, PAD, REGION_TOKENS, SPECIAL_TOKENS


class UMindConfig(PreTrainedConfig):  # type: ignore[no-untyped-call]
    """Sizes of the parts, and what was calibrated on validation images.

    Args:
        pixel_config: Pixel encoder.
        text_config: Causal language model (Qwen3 architecture, Yang et al., 2025); with experts in every layer if it has the
            numbers of a `MoEConfig` as ``moe``.
        decoder_config: Decoders.
        presence_scale: Presence is ``sigmoid(scale * logit + shift)`` (Platt, 1999).
        presence_shift: See ``presence_scale``.
        presence_threshold: Below it there is no finding.
        score_threshold: Instances below it are dropped, the best one excepted.
        answer_temperature: Divides the log-likelihoods of options before the softmax of ``classify``.
        spread_scale: Multiplies predicted spreads so that one of them is one standard deviation.
    """

    model_type = "umind"
    sub_configs_defaults: ClassVar[dict[str, type[PreTrainedConfig]]] = {  # type: ignore[assignment]
        "pixel_config": PixelConfig,
        "text_config": Qwen3Config,
        "decoder_config": DecoderConfig,
    }

    pixel_config: dict[str, Any] | PreTrainedConfig | None = None
    text_config: dict[str, Any] | PreTrainedConfig | None = None
    decoder_config: dict[str, Any] | PreTrainedConfig | None = None
    presence_scale: float = 1.0
    presence_shift: float = 0.0
    presence_threshold: float = 0.5
    score_threshold: float = 0.5
    answer_temperature: float = 1.0
    spread_scale: float = 1.0
    tie_word_embeddings: bool = True
    pad_token_id: int | None = SPECIAL_TOKENS.index(PAD)
    eos_token_id: int | list[int] | None = SPECIAL_TOKENS.index(END)

    @classmethod
    def tiny(cls, vocab_size: int = 2048, **sizes: Any) -> UMindConfig:
        """The configuration of umind-tiny; keyword arguments override the language model's sizes."""
        text = {
            "vocab_size": vocab_size,
            "hidden_size": 256,
            "intermediate_size": 768,
            "num_hidden_layers": 4,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "head_dim": 64,
            "max_position_embeddings": 1024,
            "pad_token_id": SPECIAL_TOKENS.index(PAD),
            "eos_token_id": SPECIAL_TOKENS.index(END),
            "bos_token_id": None,
        }
        return cls(pixel_config=PixelConfig(), text_config=Qwen3Config(**(text | sizes)), decoder_config=DecoderConfig())


@dataclass
class UMindOutput(ModelOutput):
    """One pass.

    Args:
        logits: Next-token logits, ``(B, L, V)``.
        hidden: Last hidden states, ``(B, L, D)``.
        regions: Output of the region tokens, in the order of ``find_slots``.
        points: Output of the ``[KPT]`` tokens, each for every instance of the region token before it.
        past_key_values: Cache, to go on from.
    """

    logits: Float[Tensor, "b l v"]
    hidden: Tensor | None = None
    regions: RegionOutput | None = None
    points: PointOutput | None = None
    past_key_values: Cache | None = None


class StateRecorder:
    """Keeps the ids and last hidden states of every step of a generation, so that no second forward is needed."""

    def __init__(self) -> None:
        self.ids: list[Tensor] = []
        self.hidden: list[Tensor] = []

    def __call__(self, input_ids: Int[Tensor, "b l"], hidden: Float[Tensor, "b l d"]) -> None:
        """Note one step."""
        self.ids.append(input_ids)
        self.hidden.append(hidden)

    def sequence(self) -> tuple[Int[Tensor, "b t"], Float[Tensor, "b t d"]]:
        """All steps, joined."""
        return torch.cat(self.ids, 1), torch.cat(self.hidden, 1)


class UMindModel(PreTrainedModel, GenerationMixin):  # type: ignore[no-untyped-call]
    """Image and packed questions in; words, regions and points out, from one pass."""

    config_class = UMindConfig
    base_model_prefix = "umind"
    main_input_name = "input_ids"
    input_modalities = ("image", "text")  # type: ignore[assignment]
    _supports_sdpa = True
    _no_split_modules = ["Qwen3DecoderLayer"]  # noqa: RUF012 (as transformers declares it)
    _tied_weights_keys = {"lm_head.weight": "language.embed_tokens.weight"}  # noqa: RUF012

    def __init__(self, config: UMindConfig) -> None:
        super().__init__(config)
        pixels, text, decoders = config.pixel_config, config.text_config, config.decoder_config
        assert isinstance(pixels, PixelConfig)
        assert isinstance(text, Qwen3Config)
        assert isinstance(decoders, DecoderConfig)
        self.pixels = PixelEncoder(pixels, text.hidden_size)
        self.language = Qwen3Model(text)
        if (experts := MoEConfig.read(text)) is not None:
            attach(self.language, experts)
        self.lm_head = nn.Linear(text.hidden_size, text.vocab_size, bias=False)
        self.regions = RegionDecoder(decoders, pixels, text.hidden_size)
        self.points = KeypointHead(text.hidden_size, decoders.instance_size, pixels.mask_channels, decoders.kernel_channels)
        for part in (self.pixels, self.regions, self.points):
            for module in part.modules():
                module.initialised_by_umind = True  # type: ignore[assignment]
        self.post_init()  # type: ignore[no-untyped-call]

    def _init_weights(self, module: nn.Module) -> None:
        """Initialise the language model as Qwen3 does; the other parts brought their own initialisation."""
        if not getattr(module, "initialised_by_umind", False):
            super()._init_weights(module)  # type: ignore[no-untyped-call]

    def initialize_weights(self) -> None:
        """Draw what a checkpoint lacks."""
        super().initialize_weights()  # type: ignore[no-untyped-call]
        draw_missing(self)

    def get_input_embeddings(self) -> nn.Module:
        """Table of the words; peft asks for it."""
        return self.language.embed_tokens

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Replace the table of the words."""
        assert isinstance(value, nn.Embedding)
        self.language.embed_tokens = value

    def encode(self, pixel_values: Float[Tensor, "b 1 s s"]) -> PixelFeatures:
        """Pixels to features, once for an image."""
        features: PixelFeatures = self.pixels(pixel_values)
        return features

    def forward(
        self,
        input_ids: Int[Tensor, "b l"],
        attention_mask: Int[Tensor, "b t"] | None = None,
        pixel_values: Float[Tensor, "b 1 s s"] | None = None,
        features: PixelFeatures | None = None,
        position_ids: Int[Tensor, "b l"] | None = None,
        past_key_values: Cache | None = None,
        use_cache: bool = False,
        sites: InstanceSites | None = None,
        decode: bool = True,
        recorder: StateRecorder | None = None,
        return_dict: Literal[True] = True,
    ) -> UMindOutput:
        """The flow line.

        Args:
            input_ids: Image prefix and blocks (see `umind.tokens.slots`).
            attention_mask: 1 where a token is real; over past and present tokens when there is a past.
            pixel_values: Normalised grey images, or
            features: what ``encode`` made of them.
            position_ids: Of tokens that follow a past; without a past they are read from the ids.
            past_key_values: Cache of earlier tokens.
            use_cache: Return a cache.
            sites: Where instances are read; the peaks of the centre maps when None.
            decode: Run the decoders on the task tokens of this pass.
            recorder: Called with the ids and the last hidden states.
            return_dict: What ``generate`` asks for, and the only way there is.
        """
        if features is None and pixel_values is not None:
            features = self.encode(pixel_values)
        embeddings = self.language.embed_tokens(input_ids)  # (B, L, D)
        mask: Tensor | None = attention_mask
        if past_key_values is None or past_key_values.get_seq_length() == 0:
            attention_mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
            structure = layout(input_ids, attention_mask)
            position_ids, mask = structure.position_ids, structure.visible
            if features is not None:
                is_image = (input_ids == IMAGE_ID)[..., None]
                embeddings = embeddings.masked_scatter(is_image, features.tokens.to(embeddings.dtype))
            past_key_values = DynamicCache(config=self.config.text_config) if use_cache else None
        hidden = self.language(
            inputs_embeds=embeddings,
            attention_mask=mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            use_cache=use_cache,
        ).last_hidden_state
        if recorder is not None:
            recorder(input_ids, hidden)
        regions, points = None, None
        if decode and features is not None:
            regions, points = self.decode(input_ids, hidden, features, sites)
        return UMindOutput(self.lm_head(hidden), hidden, regions, points, past_key_values)

    def decode(
        self,
        input_ids: Int[Tensor, "b l"],
        hidden: Float[Tensor, "b l d"],
        features: PixelFeatures,
        sites: InstanceSites | None = None,
    ) -> tuple[RegionOutput, PointOutput]:
        """Run the decoders on the states at the task tokens of a sequence, however it came about."""
        areas, points = find_slots(input_ids, REGION_TOKENS), find_slots(input_ids, (KPT,))
        regions: RegionOutput = self.regions(areas.states(hidden).float(), areas.rows, features, sites)
        tokens, owners = (anchors(points, areas, input_ids)[:, None] == regions.slots).nonzero(as_tuple=True)
        heatmaps = self.points(
            points.states(hidden).float()[tokens],
            regions.vectors[owners],
            regions.boxes[owners].detach(),
            features.mask,
            points.rows[tokens],
        )
        return regions, PointOutput(tokens, owners, heatmaps)
