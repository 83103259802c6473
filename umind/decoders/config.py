"""Sizes of the decoders."""

from __future__ import annotations

from transformers import PreTrainedConfig


class DecoderConfig(PreTrainedConfig):  # type: ignore[no-untyped-call]
    """Sizes shared by the decoders.

    Args:
        instance_size: Width of the vector that stands for one instance.
        kernel_channels: Channels inside the dynamic convolutions.
        max_instances: Most instances that one phrase can have.
        min_peak: Peaks of the centre map below this are no candidates.
    """

    model_type = "umind_decoders"

    instance_size: int = 192
    kernel_channels: int = 16
    max_instances: int = 8
    min_peak: float = 0.1
