"""What is refused before memory is spent, and how a parser's failure becomes an error that names the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from umind.schema.errors import ImageReadError

MAX_PIXELS = 2**24
"""Largest image that is decoded, 4,096 x 4,096: beyond any scanner, and less than half a gigabyte in the costliest coding."""


def refuse_size(name: str, height: int, width: int) -> None:
    """Refuse an image by the size that its header claims.

    Args:
        name: What the error names.
        height: Claimed rows.
        width: Claimed columns.

    Raises:
        ImageReadError: A side is zero, or there are more than `MAX_PIXELS` pixels.
    """
    if height < 1 or width < 1:
        raise ImageReadError(f"{name}: image of zero size ({height} x {width})")
    if height * width > MAX_PIXELS:
        raise ImageReadError(f"{name}: {height} x {width} pixels are more than the {MAX_PIXELS:,} that are read")


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Turn whatever a parser raises into an `ImageReadError` that names the file.

    Warning filters are left alone, because changing them is not thread-safe: what Pillow or pydicom warns of (a malformed
    tag that is not read here, padding after the pixels) is shown, and refuses the file where the caller made warnings errors.

    Raises:
        ImageReadError: The body raised.
    """
    try:
        yield
    except ImageReadError:
        raise
    except Exception as error:  # parsers of untrusted bytes raise nearly anything: struct.error, KeyError, RecursionError
        raise ImageReadError(f"{name}: {error or type(error).__name__}") from error
