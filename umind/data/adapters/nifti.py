"""NIfTI-1 volumes in one file, as read here without a library: header, voxel size and values."""

from __future__ import annotations

import gzip
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, cast

import numpy as np
import numpy.typing as npt

from umind.io.limits import naming, refuse_size
from umind.schema.errors import ImageReadError

HEADER = 348
MAGIC = b"n+1\0"
MAX_VOXELS = 2**30
DTYPES: Mapping[int, str] = MappingProxyType(
    {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"}
)
"""NumPy types by NIfTI's datatype code."""
MM_PER_UNIT: Mapping[int, float] = MappingProxyType({1: 1000.0, 2: 1.0, 3: 0.001})
"""Millimetres by NIfTI's code of a spatial unit: metre, millimetre, micrometre. Code 0 is unknown, and is not guessed."""


@dataclass(frozen=True)
class Header:
    """What a volume's header says.

    Args:
        shape: Columns, rows and slices; one slice for a flat image.
        voxel: Millimetres along each of them; None when the unit is unknown.
        dtype: Of the stored values, with their byte order.
        offset: Where the values begin, in bytes.
        slope: Factor of the stored values.
        shift: Added to them after it.
    """

    shape: tuple[int, int, int]
    voxel: tuple[float, float, float] | None
    dtype: str
    offset: int
    slope: float
    shift: float


def read_header(path: Path) -> Header:
    """Header of a ``.nii`` or ``.nii.gz`` file (https://nifti.nimh.nih.gov/pub/dist/src/niftilib/nifti1.h).

    Raises:
        ImageReadError: No NIfTI-1 in one file, of more than three dimensions, of a rare type, or too large.
    """
    with naming(str(path)), opened(path) as stream:
        data = stream.read(HEADER)
        if len(data) < HEADER or data[344:348] != MAGIC:
            raise ImageReadError(f"{path}: is no NIfTI-1 volume in one file")
        order = "<" if struct.unpack_from("<i", data)[0] == HEADER else ">"
        rank, *sizes = struct.unpack_from(f"{order}8h", data, 40)
        code = struct.unpack_from(f"{order}h", data, 70)[0]
        steps = struct.unpack_from(f"{order}8f", data, 76)[1:4]
        offset, slope, shift = struct.unpack_from(f"{order}3f", data, 108)
        if not 2 <= rank <= 7 or any(size != 1 for size in sizes[3:rank]):
            raise ImageReadError(f"{path}: {rank} dimensions {sizes[:rank]}; two or three are read")
        shape = (sizes[0], sizes[1], sizes[2] if rank > 2 else 1)
        refuse_size(str(path), shape[1], shape[0])
        if code not in DTYPES or shape[2] < 1 or math.prod(shape) > MAX_VOXELS or not HEADER <= offset < 2**24:
            raise ImageReadError(f"{path}: values of type {code} in {shape} at byte {offset:.0f} are not read")
        unit = MM_PER_UNIT.get(data[123] & 7)
        voxel = tuple(abs(step) * unit for step in steps) if unit else None
        scaled = math.isfinite(slope) and slope != 0
        return Header(
            shape,
            (voxel[0], voxel[1], voxel[2]) if voxel else None,
            order + DTYPES[code],
            int(offset),
            slope if scaled else 1.0,
            shift if scaled else 0.0,
        )


def read_volume(path: Path) -> npt.NDArray[Any]:
    """Values ``(slices, rows, columns)``: the stored axes in reverse, as SimpleITK gives them; no axis is flipped.

    Raises:
        ImageReadError: As `read_header`, or the values are cut short.
    """
    header = read_header(path)
    kind = np.dtype(header.dtype)
    wanted = math.prod(header.shape) * kind.itemsize
    with naming(str(path)), opened(path) as stream:
        stream.seek(header.offset)
        data = stream.read(wanted)
    if len(data) < wanted:
        raise ImageReadError(f"{path}: {len(data)} bytes of values, {wanted} are wanted")
    values = np.frombuffer(data, kind).reshape(header.shape[::-1])
    if (header.slope, header.shift) == (1.0, 0.0):
        return values
    scaled: npt.NDArray[Any] = values.astype(np.float32) * np.float32(header.slope) + np.float32(header.shift)
    return scaled


def opened(path: Path) -> IO[bytes]:
    """The file, unpacked where it is packed."""
    return cast(IO[bytes], gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")
