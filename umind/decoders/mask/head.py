"""Instance vector to kernels to mask: 1 x 1 dynamic convolutions on mask features and relative coordinates.

Every cell of the features, at stride 4, gives the 2 x 2 pixels of the mask that it covers (sub-pixel convolution, Shi et al.,
CVPR 2016): spicules and thin walls are drawn at stride 2 for the price of stride 4.
"""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor, nn

from umind.decoders.dynamic import DynamicConvolution, controller

FINER = 2
"""Pixels of a mask along the side of a cell of the features."""


class MaskHead(nn.Module):
    """Dynamic convolutional mask decoder.

    Args:
        instance_size: Width of the instance vector.
        mask_channels: Channels of the mask features.
        kernel_channels: Channels inside the dynamic convolutions.
    """

    def __init__(self, instance_size: int, mask_channels: int, kernel_channels: int) -> None:
        super().__init__()
        self.convolve = DynamicConvolution(mask_channels, kernel_channels, FINER**2)
        self.controller = controller(instance_size, self.convolve.num_parameters)

    def forward(
        self,
        instances: Float[Tensor, "m d"],
        points: Float[Tensor, "m 2"],
        mask_features: Float[Tensor, "b c h w"],
        rows: Int[Tensor, "m"],
    ) -> Float[Tensor, "m h2 w2"]:
        """Mask logits at stride 2.

        Args:
            instances: Instance vectors.
            points: Instance centres xy in units of the image's side.
            mask_features: Features of the images, at stride 4.
            rows: Image of each instance.
        """
        parts: Float[Tensor, "m p h w"] = self.convolve(self.controller(instances), mask_features, rows, points)
        num, _, height, width = parts.shape
        cells = parts.reshape(num, FINER, FINER, height, width).permute(0, 3, 1, 4, 2)  # (M, H, 2, W, 2)
        return cells.reshape(num, FINER * height, FINER * width)  # pixel_shuffle cannot go back through no instances
