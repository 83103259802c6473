"""Instance vector to kernels to mask: 1 x 1 dynamic convolutions on mask features and relative coordinates."""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor, nn

from umind.decoders.dynamic import DynamicConvolution, controller


class MaskHead(nn.Module):
    """Dynamic convolutional mask decoder.

    Args:
        instance_size: Width of the instance vector.
        mask_channels: Channels of the mask features.
        kernel_channels: Channels inside the dynamic convolutions.
    """

    def __init__(self, instance_size: int, mask_channels: int, kernel_channels: int) -> None:
        super().__init__()
        self.convolve = DynamicConvolution(mask_channels, kernel_channels)
        self.controller = controller(instance_size, self.convolve.num_parameters)

    def forward(
        self,
        instances: Float[Tensor, "m d"],
        points: Float[Tensor, "m 2"],
        mask_features: Float[Tensor, "b c h w"],
        rows: Int[Tensor, "m"],
    ) -> Float[Tensor, "m h w"]:
        """Mask logits.

        Args:
            instances: Instance vectors.
            points: Instance centres xy in units of the image's side.
            mask_features: Features of the images.
            rows: Image of each instance.
        """
        masks: Float[Tensor, "m h w"] = self.convolve(self.controller(instances), mask_features, rows, points)
        return masks
