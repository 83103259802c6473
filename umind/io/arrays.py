"""NumPy arrays and torch tensors to 8-bit pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import UInt8

from umind.schema.errors import ImageReadError

DEPTHS = (8, 10, 12, 16)
"""Bit depths that 16-bit containers are filled to in practice."""
ROUNDING = 1e-6
"""How far float pixels may leave 0..1, as float32 arithmetic does."""


def pixels_of_array(array: npt.NDArray[Any], name: str = "array") -> UInt8[np.ndarray, "h w *channels"]:
    """8-bit pixels of a grey ``(H, W)`` or RGB ``(H, W, 3)`` array.

    * uint8 is taken as it is.
    * uint16 is scaled by the smallest depth of 8, 10, 12 or 16 bits that holds its largest value: 12-bit values in 16-bit
      words, as scanners write them, keep their brightness, and 8-bit values stay what they are.
    * float is multiplied by 255.

    Args:
        array: Pixels, row by row.
        name: What the error names.

    Raises:
        ImageReadError: Another shape or dtype, a side of length zero, NaN or infinite pixels, floats outside 0..1.
    """
    refuse_shape(array.shape, name)
    kind, size = array.dtype.kind, array.dtype.itemsize
    if kind == "u" and size == 1:
        return np.require(array, requirements=["C", "W"])  # torch shares no memory that is read-only, such as Pillow's
    if kind == "u" and size == 2:
        largest = int(array.max())
        return scale_depth(array, next(bits for bits in DEPTHS if largest < 2**bits))
    if kind == "f":
        refuse_range(array, name)
        levels: UInt8[np.ndarray, "h w *channels"] = np.round(np.clip(array, 0, 1) * 255).astype(np.uint8)
        return levels
    raise ImageReadError(f"{name}: pixels are {array.dtype}; wanted uint8, uint16 or float in 0..1")


def pixels_of_tensor(tensor: torch.Tensor, name: str = "tensor") -> UInt8[np.ndarray, "h w *channels"]:
    """8-bit pixels of a torch tensor ``(H, W)`` or ``(C, H, W)``, C being 1 or 3, on any device; scaled as arrays are.

    Raises:
        ImageReadError: Another shape, or one of the faults of `pixels_of_array`.
    """
    if tensor.ndim == 3 and tensor.shape[0] in (1, 3):
        tensor = tensor[0] if tensor.shape[0] == 1 else tensor.permute(1, 2, 0)
    elif tensor.ndim != 2:
        raise ImageReadError(f"{name}: a tensor of shape {tuple(tensor.shape)}; wanted (H, W), (1, H, W) or (3, H, W)")
    tensor = tensor.detach().cpu()
    # NumPy has no bfloat16
    return pixels_of_array((tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy(), name)


def scale_depth(values: npt.NDArray[Any], bits: int) -> UInt8[np.ndarray, "*shape"]:
    """Unsigned values of a bit depth to 8 bits, ``2**bits - 1`` becoming 255; what exceeds the depth is clipped."""
    if bits == 8 and values.dtype == np.uint8:
        return np.ascontiguousarray(values)
    ceiling = 2**bits - 1
    levels: UInt8[np.ndarray, "*shape"] = np.round(np.minimum(values, ceiling) * np.float32(255 / ceiling)).astype(np.uint8)
    return levels


def refuse_shape(shape: tuple[int, ...], name: str) -> None:
    """Refuse what is neither ``(H, W)`` nor ``(H, W, 3)``.

    Raises:
        ImageReadError: Wrong shape, or a side of length zero.
    """
    if len(shape) == 2 or (len(shape) == 3 and shape[2] == 3):
        if 0 in shape:
            raise ImageReadError(f"{name}: image of zero size {shape}")
        return
    hint = "; channels come last in an array, first in a tensor" if len(shape) == 3 and shape[0] in (1, 3) else ""
    raise ImageReadError(f"{name}: shape {shape}; wanted (H, W) or (H, W, 3){hint}")


def refuse_range(array: npt.NDArray[Any], name: str) -> None:
    """Refuse float pixels that are NaN, infinite or outside 0..1.

    Raises:
        ImageReadError: Which of these it is, and how many pixels or what range.
    """
    bad = array.size - int(np.isfinite(array).sum())
    if bad:
        raise ImageReadError(f"{name}: {bad} of {array.size} pixel values are NaN or infinite")
    low, high = float(array.min()), float(array.max())
    if low < -ROUNDING or high > 1 + ROUNDING:
        raise ImageReadError(f"{name}: float pixels lie in {low:g}..{high:g}; wanted 0..1 (divide 8-bit values by 255)")
