"""Lossless JPEG (ITU-T T.81 process 14) by FFmpeg: it reports damage, where GDCM, the other free decoder, ends the process."""

from __future__ import annotations

from typing import Any

import av
import numpy as np
import numpy.typing as npt
from jaxtyping import UInt

from umind.io import limits

SOF3 = b"\xff\xc3"
"""Marker of a lossless frame, T.81 table B.1; its precision stands two bytes of length further."""
LAYOUTS = frozenset({"gray", "gray16le", "bgr24"})
"""What FFmpeg decodes lossless JPEG to; the three components of the last stand in the reverse order of the file's."""


def decode_lossless(coded: bytes) -> UInt[np.ndarray, "h w *channels"]:
    """Stored values of a grey picture of 2 to 15 bits, or of three components of 8.

    FFmpeg reads 16 further bits after a difference of category 16, which has none (T.81 H.1.2.2), and gives another picture
    without a word; only 16 bits a sample have such differences. PS3.3 C.8.5.6.1 has 8 bits for ultrasound.

    Args:
        coded: One frame.

    Raises:
        ValueError: It holds no picture, or one of another layout.
        Exception: Whatever FFmpeg makes of a damaged one.
    """
    if coded.partition(SOF3)[2][2:3] == bytes([16]):
        raise ValueError("lossless JPEG of 16 bits a sample is not read")
    context = av.CodecContext.create("mjpeg", "r")
    context.options = {"max_pixels": str(limits.MAX_PIXELS), "err_detect": "explode"}  # else a picture cut short is grey below
    frames: Any = [*context.decode(av.Packet(coded)), *context.decode(None)]
    if len(frames) != 1 or frames[0].format.name not in LAYOUTS:
        raise ValueError("JPEG that holds no grey picture of 2 to 15 bits and no colour picture of 8")
    if frames[0].is_corrupt:
        raise ValueError("damaged JPEG")
    values: npt.NDArray[Any] = frames[0].to_ndarray()
    return np.ascontiguousarray(values[..., ::-1]) if values.ndim == 3 else values
