"""The network: pixel encoder, language model and decoders, composed from their configs."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    Cache,
    GenerationMixin,
    PreTrainedConfig,
    PreTrainedModel,
    Qwen3Config,
    Qwen3Model,
)
from transformers.configuration_utils import SubConfigSpec
from transformers.utils.generic import ModelOutput

from umind.backbone.language import LanguageSide, OwnLanguage
from umind.backbone.moe.attach import attach, draw_missing
from umind.backbone.moe.config import MoEConfig
from umind.backbone.moe.region import RegionCache, region_of
from umind.backbone.pixels import PixelConfig, PixelEncoder, PixelFeatures
from umind.backbone.qwen_vl import FAMILIES, QwenVL, is_qwen_vl
from umind.decoders.config import DecoderConfig
from umind.decoders.decoder import InstanceSites, RegionDecoder, RegionOutput
from umind.decoders.keypoint.head import KeypointHead, PointOutput
from umind.schema.batch import Patches
from umind.tokens.slots import anchors, find_slots, layout
from umind.tokens.vocabulary import KPT, OWN_IDS, REGION_TOKENS, TokenIds


class UMindConfig(PreTrainedConfig):  # type: ignore[no-untyped-call]
    """Sizes of the parts, and what was calibrated on validation images.

    Args:
        pixel_config: Pixel encoder.
        text_config: Causal language model (Qwen3 architecture, Yang et al., 2025), or a whole Qwen-VL; with experts in every
            layer if it has the numbers of a `MoEConfig` as ``moe``.
        decoder_config: Decoders.
        presence_scale: Presence is ``sigmoid(scale * logit + shift)`` (Platt, 1999).
        presence_shift: See ``presence_scale``.
        presence_threshold: Below it there is no finding.
        score_threshold: Instances below it are dropped, the best one excepted.
        answer_temperature: Divides the log-likelihoods of options before the softmax of ``classify``.
        spread_scale: Multiplies predicted spreads so that one of them is one standard deviation.
        token_ids: Numbers of a `TokenIds`; None for those of the tokenizers that umind trains.
    """

    model_type = "umind"
    sub_configs_defaults: ClassVar[dict[str, type[PreTrainedConfig] | SubConfigSpec]] = {  # type: ignore[assignment]
        "pixel_config": PixelConfig,
        "text_config": SubConfigSpec(AutoConfig, model_type=Qwen3Config.model_type),
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
    token_ids: dict[str, Any] | None = None
    tie_word_embeddings: bool = True
    pad_token_id: int | None = OWN_IDS.pad
    eos_token_id: int | list[int] | None = OWN_IDS.end

    @property
    def ids(self) -> TokenIds:
        """Ids of the special tokens."""
        return OWN_IDS if self.token_ids is None else TokenIds.from_dict(self.token_ids)

    def get_text_config(self, decoder: bool | None = None, encoder: bool | None = None) -> PreTrainedConfig:
        """Of the language model itself, also where it is inside a Qwen-VL; transformers looks one level deep."""
        assert isinstance(self.text_config, PreTrainedConfig)
        return self.text_config.get_text_config(decoder, encoder)

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
            "pad_token_id": OWN_IDS.pad,
            "eos_token_id": OWN_IDS.end,
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
    """Image and packed questions in; words, regions and points out, from one pass.

    Args:
        config: Sizes.
        backbone: A Qwen-VL of ``config.text_config`` to take as language side, weights and all; drawn at random when None.
    """

    config_class = UMindConfig
    base_model_prefix = "umind"
    main_input_name = "input_ids"
    input_modalities = ("image", "text")  # type: ignore[assignment]
    quantised: str | None = None
    """Format of the language model's linear layers, where `umind.backbone.quantized` has changed it."""
    _supports_sdpa = True
    _no_split_modules = ["Qwen3DecoderLayer"]  # noqa: RUF012 (as transformers declares it)

    def __init__(self, config: UMindConfig, backbone: PreTrainedModel | None = None) -> None:
        super().__init__(config)
        pixels, side, decoders = config.pixel_config, config.text_config, config.decoder_config
        assert isinstance(pixels, PixelConfig)
        assert isinstance(side, PreTrainedConfig)
        assert isinstance(decoders, DecoderConfig)
        has_eyes, text = is_qwen_vl(side), config.get_text_config()
        self.pixels = PixelEncoder(pixels, None if has_eyes else text.hidden_size)
        if backbone is None:
            self.language = (FAMILIES[side.model_type] if has_eyes else Qwen3Model)(side)
            if (experts := MoEConfig.read(config)) is not None:
                attach(self.language, experts)
            self.lm_head = nn.Linear(text.hidden_size, text.vocab_size, bias=False)
        else:
            self.language, self.lm_head = backbone.model, backbone.lm_head
            for module in (*self.language.modules(), self.lm_head):
                module._is_hf_initialized = True  # or `post_init` would draw it anew
        table = "language.language_model.embed_tokens" if has_eyes else "language.embed_tokens"
        self._tied_weights_keys = {"lm_head.weight": f"{table}.weight"}
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

    @property
    def side(self) -> LanguageSide:
        """The language side, whichever network it is."""
        return QwenVL(self.language) if is_qwen_vl(self.config.text_config) else OwnLanguage(self.language)

    def save_pretrained(self, save_directory: str | os.PathLike[str], *args: Any, **kwargs: Any) -> None:
        """Write config and safetensors, or of a model that carries an adapter the adapter alone.

        Raises:
            ValueError: Its weights are quantised, and it carries no adapter.
        """
        if self.quantised is not None and not getattr(self, "peft_config", None):
            raise ValueError(
                f"weights in {self.quantised} are not saved: keep the model they came from and the folder of the adapter, or "
                "load it without `quantize` and save that"
            )
        super().save_pretrained(save_directory, *args, **kwargs)

    def get_input_embeddings(self) -> nn.Module:
        """Table of the words; peft asks for it."""
        table: nn.Module = self.language.get_input_embeddings()
        return table

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Replace the table of the words."""
        self.language.set_input_embeddings(value)

    def encode(self, pixel_values: Float[Tensor, "b 1 s s"], patches: Patches | None = None) -> PixelFeatures:
        """Pixels to features, once for an image.

        Args:
            pixel_values: Normalised grey images.
            patches: The same images for the vision tower of a Qwen-VL.
        """
        return self.side.look(self.pixels(pixel_values), patches)

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
        least: float = -math.inf,
        decode: bool = True,
        recorder: StateRecorder | None = None,
        return_dict: Literal[True] = True,
        patches: Patches | None = None,
    ) -> UMindOutput:
        """The flow line.

        A sequence may begin with several images: they stand in ``features`` row after row. Task tokens are for one.

        Args:
            input_ids: Image prefix and blocks (see `umind.tokens.slots`).
            attention_mask: 1 where a token is real; over past and present tokens when there is a past.
            pixel_values: Normalised grey images, or
            features: what ``encode`` made of them.
            position_ids: Of tokens that follow a past; without a past they are read from the ids.
            past_key_values: Cache of earlier tokens.
            use_cache: Return a cache.
            sites: Where instances are read; the peaks of the centre maps when None.
            least: Logit of presence below which a phrase gets no instances.
            decode: Run the decoders on the task tokens of this pass.
            recorder: Called with the ids and the last hidden states.
            return_dict: What ``generate`` asks for, and the only way there is.
            patches: Beside ``pixel_values``, the same images for the vision tower of a Qwen-VL.
        """
        if features is None and pixel_values is not None:
            features = self.encode(pixel_values, patches)
        side, embeddings = self.side, self.get_input_embeddings()(input_ids)  # (B, L, D)
        mask: Tensor | None = attention_mask
        is_image: Tensor | None = None
        region: Tensor | None = None
        if past_key_values is None or past_key_values.get_seq_length() == 0:
            attention_mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
            structure = layout(input_ids, attention_mask, self.config.ids, causal=side.causal)
            is_image = input_ids == self.config.ids.image
            position_ids, mask = side.positions(structure, is_image, features), structure.visible
            if features is not None:
                tokens = features.tokens[features.is_token].to(embeddings.dtype)
                embeddings = embeddings.masked_scatter(is_image[..., None], tokens)
            if (experts := MoEConfig.read(self.config)) is not None and experts.region_prior:
                region = region_of(embeddings, is_image & (features is not None))
            past_key_values = RegionCache(self.config.get_text_config(), region) if use_cache else None
        elif isinstance(past_key_values, RegionCache):
            region = past_key_values.region
        hidden = side.states(
            embeddings,
            features,
            is_image,
            attention_mask=mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            use_cache=use_cache,
            **({} if region is None else {"region": region}),
        )
        if recorder is not None:
            recorder(input_ids, hidden)
        regions, points = None, None
        if decode and features is not None:
            regions, points = self.decode(input_ids, hidden, features, sites, least)
        return UMindOutput(self.lm_head(hidden), hidden, regions, points, past_key_values)

    def _prepare_position_ids_for_generation(
        self, inputs_tensor: Int[Tensor, "b l"], model_kwargs: dict[str, Any]
    ) -> Int[Tensor, "b t"]:
        """Positions from which ``generate`` counts on; an image may take more or fewer of them than it has tokens."""
        positions: Tensor = super()._prepare_position_ids_for_generation(inputs_tensor, model_kwargs)  # type: ignore[no-untyped-call]
        features: PixelFeatures | None = model_kwargs.get("features")
        if features is None:
            return positions
        return positions + self.side.excess(features, inputs_tensor == self.config.ids.image)

    def decode(
        self,
        input_ids: Int[Tensor, "b l"],
        hidden: Float[Tensor, "b l d"],
        features: PixelFeatures,
        sites: InstanceSites | None = None,
        least: float = -math.inf,
    ) -> tuple[RegionOutput, PointOutput]:
        """Run the decoders on the states at the task tokens of sequences with one image each, however they came about."""
        ids = self.config.ids
        areas, points = find_slots(input_ids, REGION_TOKENS, ids), find_slots(input_ids, (KPT,), ids)
        assert len(features) == len(input_ids) or not len(areas), "a task token wants one image in front of it"
        regions: RegionOutput = self.regions(areas.states(hidden).float(), areas.rows, features, sites, least)
        tokens, owners = (anchors(points, areas, input_ids, ids)[:, None] == regions.slots).nonzero(as_tuple=True)
        heatmaps = self.points(
            points.states(hidden).float()[tokens],
            regions.vectors[owners],
            regions.boxes[owners].detach(),
            features.mask,
            points.rows[tokens],
        )
        return regions, PointOutput(tokens, owners, heatmaps)
