"""Lossless JPEG of 16 bits a sample.

FFmpeg reads 16 further bits after a difference of category 16, which has none (ITU-T T.81 H.1.2.2), and gives another picture
without a word. Ultrasound is hardly ever of 16 bits, so that this need not be fast: 0.2 s for 640 x 480 samples.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import UInt16

SOF3, DHT, SOS, DRI = 0xC3, 0xC4, 0xDA, 0xDD
BITS = 16
MAX_SAMPLES = 2**21
"""A picture of 1,920 x 1,080 has as many."""


def segments(coded: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Marker, content and end of every segment up to the scan (T.81 B.1.1.4).

    Raises:
        ValueError: There is no scan.
    """
    place = 2
    while place + 4 <= len(coded) and coded[place] == 0xFF:
        marker, length = coded[place + 1], int.from_bytes(coded[place + 2 : place + 4], "big")
        place += 2 + max(length, 2)
        yield marker, coded[place - length + 2 : place], place
        if marker == SOS:
            return
    raise ValueError("JPEG without a scan")


def precision_of(coded: bytes) -> int:
    """Bits a sample of a lossless JPEG; 0 when it is another kind of JPEG."""
    return next((content[0] for marker, content, _ in segments(coded) if marker == SOF3 and content), 0)


def decode_deep(coded: bytes) -> UInt16[np.ndarray, "h w"]:
    """Samples of a grey picture of 16 bits whose predictor is the sample to the left, as nearly all encoders have it.

    Raises:
        ValueError: It is of another kind, or ends early.
    """
    height = width = 0
    lengths, categories, start = [0] * 2**BITS, [0] * 2**BITS, 0
    for marker, content, end in segments(coded):
        if marker == SOF3:
            height, width = (int.from_bytes(content[i : i + 2], "big") for i in (1, 3))
            if not 0 < height * width <= MAX_SAMPLES:
                raise ValueError(f"lossless JPEG of 16 bits with {height} x {width} samples is not read")
            if content[5] != 1:
                raise ValueError("lossless JPEG of 16 bits in colour is not read")
        elif marker == DHT:
            if any(lengths) or len(content) != 17 + sum(content[1:17]):
                raise ValueError("lossless JPEG of 16 bits with several tables is not read")
            lengths, categories = table_of(content)
        elif marker == DRI and any(content):
            raise ValueError("lossless JPEG of 16 bits with restarts is not read")
        elif marker == SOS:
            start = end
            if content[3] != 1 or content[5] & 15:
                raise ValueError(f"lossless JPEG of 16 bits with predictor {content[3]} is not read")
    steps = np.array(list(differences(coded[start:], lengths, categories, height * width)), np.int64)
    steps = steps.reshape(height, width)
    steps[0, 0] += 2 ** (BITS - 1)
    steps[:, 0] = np.cumsum(steps[:, 0])
    return np.cumsum(steps, axis=1).astype(np.uint16)  # modulo 2**16, T.81 H.1.2.1


def table_of(content: bytes) -> tuple[list[int], list[int]]:
    """Length and category of the code that each 16 bits begin with (T.81 C.2); length 0 where there is none.

    Raises:
        ValueError: There are more codes than bits allow, or a category above 16.
    """
    lengths, categories = np.zeros(2**BITS, np.uint16), np.zeros(2**BITS, np.uint16)
    counts, symbols = content[1:17], content[17 : 17 + sum(content[1:17])]
    place = taken = 0
    for length, count in enumerate(counts, 1):
        for symbol in symbols[taken : taken + count]:
            after = place + (1 << (BITS - length))
            if after > 2**BITS or symbol > BITS:
                raise ValueError("lossless JPEG with an impossible table")
            lengths[place:after], categories[place:after] = length, symbol
            place = after
        taken += count
    return lengths.tolist(), categories.tolist()


def differences(scan: bytes, lengths: list[int], categories: list[int], num: int) -> Iterator[int]:
    """So many differences between samples and their predictions (T.81 F.1.2.1.1, H.1.2.2).

    Raises:
        ValueError: The scan ends early or holds what is no code.
    """
    data = scan.replace(b"\xff\x00", b"\xff")
    bits = held = place = 0
    for _ in range(num):
        if held < 2 * BITS:
            bits = (bits & ((1 << held) - 1)) << 64 | int.from_bytes(data[place : place + 8].ljust(8, b"\0"), "big")
            held, place = held + 64, place + 8
        window = bits >> (held - BITS) & 0xFFFF
        held -= lengths[window]
        category = categories[window]
        if not lengths[window] or 8 * place - held > 8 * len(data):
            raise ValueError("damaged lossless JPEG")
        if category in (0, BITS):
            yield category and 1 << (BITS - 1)
            continue
        held -= category
        value = bits >> held & ((1 << category) - 1)
        yield value if value >> (category - 1) else value - (1 << category) + 1
