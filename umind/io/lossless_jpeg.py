"""Lossless JPEG (ITU-T T.81 process 14) by FFmpeg: it reports damage, where GDCM, the other free decoder, ends the process."""

from __future__ import annotations

from typing import Any

import av
import numpy as np
import numpy.typing as npt
from jaxtyping import UInt

from umind.io import limits
from umind.io.deep_jpeg import BITS, decode_deep, precision_of

LAYOUTS = frozenset({"gray", "gray16le", "bgr24"})
"""What FFmpeg decodes lossless JPEG to; the three components of the last stand in the reverse order of the file's."""


def decode_lossless(coded: bytes) -> UInt[np.ndarray, "h w *channels"]:
    """Stored values of a grey picture of 2 to 16 bits, or of three components of 8.

    Args:
        coded: One frame.

    Raises:
        ValueError: It holds no picture, or one of another layout.
        Exception: Whatever FFmpeg makes of a damaged one.
    """
    if precision_of(coded) == BITS:
        return decode_deep(coded)
    context = av.CodecContext.create("mjpeg", "r")
    context.options = {"max_pixels": str(limits.MAX_PIXELS)}
    frames: Any = [*context.decode(av.Packet(coded)), *context.decode(None)]
    if len(frames) != 1 or frames[0].format.name not in LAYOUTS:
        raise ValueError("JPEG that holds no grey picture of 2 to 16 bits and no colour picture of 8")
    if frames[0].is_corrupt:
        raise ValueError("damaged JPEG")
    values: npt.NDArray[Any] = frames[0].to_ndarray()
    return np.ascontiguousarray(values[..., ::-1]) if values.ndim == 3 else values
