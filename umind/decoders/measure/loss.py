"""Loss of what is said about the lengths of instances."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from umind.decoders.measure.head import LengthOutput
from umind.decoders.measure.lengths import lengths_of_masks


def length_loss(
    said: LengthOutput, logits: Float[Tensor, "m h w"], lengths: Float[Tensor, "m 4"]
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Absolute error of the log-scale, and Gaussian negative log-likelihood of what it leaves; zero without any instance.

    Args:
        said: What the head says.
        logits: Masks that are to be corrected.
        lengths: True ``LENGTHS``, in units of the image's side: of masks at full size, as results are measured.
    """
    if not len(logits):
        return said.log_scale.sum(), said.log_spread.sum()
    full = functional.interpolate(logits.detach()[:, None], scale_factor=2, mode="bilinear", align_corners=False)[:, 0]
    drawn = lengths_of_masks(full > 0) / full.shape[-1]
    missing = (lengths / drawn).log()
    left = (missing - said.log_scale).detach()
    likelihood = said.log_spread + 0.5 * (left / said.log_spread.exp()) ** 2
    return functional.l1_loss(said.log_scale, missing), likelihood.clamp(max=20).mean()
