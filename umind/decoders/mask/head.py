"""Instance vector to kernels to mask: 1 x 1 dynamic convolutions on mask features and relative coordinates."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from umind.decoders.dynamic import DynamicConvolution, controller, of_images, relative_coordinates


class MaskHead(nn.Module):
    """Dynamic convolutional mask decoder.

    Args:
        instance_size: Width of the instance vector.
        mask_channels: Channels of the mask features.
        kernel_channels: Channels inside the dynamic convolutions.
    """

    def __init__(self, instance_size: int, mask_channels: int, kernel_channels: int) -> None:
        super().__init__()
        self.convolve = DynamicConvolution(mask_channels + 2, kernel_channels)
        self.controller = controller(instance_size, self.convolve.num_parameters)
        self.quality = nn.Linear(instance_size, 1)

    def forward(
        self,
        instances: Float[Tensor, "m d"],
        points: Float[Tensor, "m 2"],
        mask_features: Float[Tensor, "b c h w"],
        rows: Int[Tensor, "m"],
    ) -> tuple[Float[Tensor, "m h w"], Float[Tensor, "m"]]:
        """Mask logits, and the logit of the IoU that the mask will have (Mask Scoring R-CNN, Huang et al., CVPR 2019).

        Args:
            instances: Instance vectors.
            points: Instance centres xy in units of the image's side.
            mask_features: Features of the images.
            rows: Image of each instance.
        """
        where = relative_coordinates(points, *mask_features.shape[-2:])
        masks = self.convolve(self.controller(instances), torch.cat([of_images(mask_features, rows), where], 1))
        return masks, self.quality(instances).squeeze(1)
