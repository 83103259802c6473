"""Losses of boxes."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional
from torchvision.ops import generalized_box_iou_loss


def box_loss(boxes: Float[Tensor, "m 4"], target: Float[Tensor, "m 4"]) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """L1 in units of the image's side, and generalised IoU loss (Rezatofighi et al., CVPR 2019); zero without instances."""
    if not len(boxes):
        return boxes.sum(), boxes.sum()
    return functional.l1_loss(boxes, target), generalized_box_iou_loss(boxes, target, reduction="mean")
