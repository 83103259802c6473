"""MetaImage: a text header with its raw values in the same file (``.mha``) or beside it (``.mhd`` + ``.raw``)."""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from umind.geometry.spacing import Spacing
from umind.io.limits import naming, refuse_size
from umind.io.volume import image_of_volume, refuse_volume
from umind.schema.errors import ImageReadError
from umind.schema.image import Clip, UltrasoundImage

TYPES: Mapping[str, str] = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
LAST = "ElementDataFile"
FIRST = re.compile(rb"\s*(ObjectType|ObjectSubType|Comment|NDims)\s*=")
"""How a header begins."""
HEADER_BYTES = 2**16
"""A header is a few hundred bytes; in a file without one the search for its end stops here."""


@dataclass(frozen=True, eq=False)
class MetaImage:
    """Values of a MetaImage with the size of its pixels.

    Args:
        values: ``DimSize`` backwards: ``(rows, columns)`` or ``(slices, rows, columns)``; channels come last. Read-only.
        spacing: Millimetres between rows and columns; None when the header holds no ``ElementSpacing``.
        channels: Numbers of a pixel.
    """

    values: npt.NDArray[Any]
    spacing: Spacing | None
    channels: int = 1


def is_metaimage(start: bytes) -> bool:
    """True when a file that begins so has the header of a MetaImage."""
    return FIRST.match(start) is not None


def read_meta(path: Path, *, spacing: Spacing | None = None) -> UltrasoundImage | Clip:
    """Read a MetaImage as a still, or as a `Clip` of its slices.

    Args:
        path: The ``.mha`` or ``.mhd`` file.
        spacing: Millimetres per pixel, instead of those of the header.

    Raises:
        ImageReadError: As `read_metaimage`, more than three dimensions, or values that are no brightness.
    """
    with naming(path.name):
        image = read_metaimage(path)
        values = image.values
        flat = values.ndim - (image.channels > 1)
        if flat not in (2, 3) or image.channels not in (1, 3):
            raise ValueError(f"{flat} dimensions with {image.channels} channels; wanted are two or three with one or RGB")
        notes = () if image.spacing else ("the header holds no ElementSpacing",)
        slices = values if flat == 3 else values[None]
        return image_of_volume(slices, path.name, spacing=spacing or image.spacing, given=spacing is not None, notes=notes)


def read_metaimage(path: Path) -> MetaImage:
    """Read a MetaImage with two or more dimensions and raw or zlib-compressed values.

    Format: https://itk.org/Wiki/ITK/MetaIO/Documentation.

    Args:
        path: The ``.mha`` or ``.mhd`` file; the values of an ``.mhd`` lie in the same folder.

    Raises:
        ImageReadError: A file is missing, is no MetaImage, is shorter or longer than its header says, or is too large.
    """
    with naming(str(path)):
        header, inside = split_header(path.read_bytes(), path)
        sizes = [int(size) for size in header["DimSize"].split()]
        if len(sizes) != int(header["NDims"]) or len(sizes) < 2:
            raise ImageReadError(f"{path}: DimSize {header['DimSize']!r} for NDims {header['NDims']}")
        channels = int(header.get("ElementNumberOfChannels", 1))
        refuse_size(str(path), sizes[1], sizes[0])
        kind = TYPES.get(header["ElementType"])
        if kind is None:
            raise ImageReadError(f"{path}: ElementType {header['ElementType']}; known are {', '.join(TYPES)}")
        big = "True" in (header.get("BinaryDataByteOrderMSB"), header.get("ElementByteOrderMSB"))
        dtype = np.dtype(kind).newbyteorder(">" if big else "<")
        shape = (*reversed(sizes), *([channels] if channels > 1 else []))
        refuse_volume(shape, dtype.itemsize)
        source = values_file(path, header[LAST])
        packed = inside if source == path else source.read_bytes()
        values = unpack(packed, math.prod(shape) * dtype.itemsize, header.get("CompressedData") == "True", source)
        array = np.frombuffer(values, dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)
        steps = [float(step) for step in header.get("ElementSpacing", "").split()]
        return MetaImage(array, Spacing(steps[1], steps[0]) if len(steps) > 1 else None, channels)


def split_header(content: bytes, path: Path) -> tuple[Mapping[str, str], bytes]:
    """The header's ``key = value`` lines, which end with ``ElementDataFile``, and the bytes after it.

    Raises:
        ImageReadError: There is no such line.
    """
    header: dict[str, str] = {}
    start = 0
    while LAST not in header:
        end = content.find(b"\n", start, HEADER_BYTES)
        line = content[start : end if end >= 0 else HEADER_BYTES].decode("ascii", "replace")
        key, equals, value = line.partition("=")
        if equals:
            header[key.strip()] = value.strip()
        if end < 0:
            break
        start = end + 1
    missing = {"NDims", "DimSize", "ElementType", LAST} - set(header)
    if missing:
        raise ImageReadError(f"{path}: is no MetaImage; its header lacks {', '.join(sorted(missing))}")
    return header, content[start:]


def values_file(path: Path, name: str) -> Path:
    """The file that holds the values: the MetaImage itself for ``LOCAL``, else one beside it.

    Raises:
        ImageReadError: The name leads out of the folder, or the values are spread over several files.
    """
    if name == "LOCAL":
        return path
    if Path(name).name != name or name == "LIST" or "%" in name:
        raise ImageReadError(f"{path}: {LAST} {name!r}; wanted is LOCAL or a file in the same folder")
    return path.with_name(name)


def unpack(packed: bytes, size: int, compressed: bool, source: Path) -> bytes:
    """The values' bytes.

    Raises:
        ImageReadError: There are more or fewer than the header says.
    """
    values = zlib.decompressobj().decompress(packed, size + 1) if compressed else packed
    if len(values) != size:
        raise ImageReadError(f"{source}: {len(values)} bytes of values, {size} are wanted")
    return values
