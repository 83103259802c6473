"""NIfTI volumes: shape, voxel size in millimetres, and values. Axes are taken as stored; no axis is flipped."""

from __future__ import annotations

import gzip
import logging
import math
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO, cast

import nibabel
import numpy as np
import numpy.typing as npt

from umind.geometry.spacing import Spacing
from umind.io.limits import naming, refuse_size
from umind.io.volume import image_of_volume, refuse_volume
from umind.schema.errors import ImageReadError
from umind.schema.image import Clip, UltrasoundImage

MAX_VOXELS = 2**30
HEAD = 540
"""Bytes of the longer header, that of NIfTI-2."""
MAX_OFFSET = 2**20
"""Where the values start at the latest; a header's extensions are a few kilobytes."""
GZIP = b"\x1f\x8b"
MM_PER_UNIT: Mapping[str, float] = MappingProxyType({"meter": 1000.0, "mm": 1.0, "micron": 0.001})
"""Millimetres by unit as nibabel names it; an unknown unit is not guessed."""
nibabel.imageglobals.logger.setLevel(logging.CRITICAL)  # faults of a header come back as errors that name the file


@dataclass(frozen=True)
class Header:
    """What a volume's header says.

    Args:
        shape: Columns, rows and slices; one slice for a flat image.
        voxel: Millimetres along each of them; None when the unit is unknown.
    """

    shape: tuple[int, int, int]
    voxel: tuple[float, float, float] | None


def is_nifti(start: bytes) -> bool:
    """True when a file that begins so is NIfTI-1 or NIfTI-2 in one file, packed by gzip or not."""
    if start[:2] == GZIP:
        try:
            start = zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(start, HEAD)
        except zlib.error:
            return False
    return kind_of(start) is not None


def kind_of(start: bytes) -> type[Any] | None:
    """The class of nibabel for a file that begins so, by its magic string; None when it is no NIfTI in one file."""
    if start[344:347] == b"n+1":
        return cast(type[Any], nibabel.Nifti1Image)
    return cast(type[Any], nibabel.Nifti2Image) if start[4:7] == b"n+2" else None


def read_nifti(path: Path, *, spacing: Spacing | None = None) -> UltrasoundImage | Clip:
    """Read a volume as a still, or as a `Clip` of its slices along the third axis.

    Args:
        path: NIfTI file.
        spacing: Millimetres per pixel, instead of those of the header.

    Raises:
        ImageReadError: As `read_volume`, or values that are no brightness.
    """
    with naming(path.name):
        with opened(path) as image:
            header = header_of(path, image)
            scaled = (image.dataobj.slope, image.dataobj.inter) != (1, 0)  # then nibabel gives float64
            refuse_volume(header.shape, 8 if scaled else image.get_data_dtype().itemsize)
            values = values_of(image, header)
        found = spacing
        notes: tuple[str, ...] = ()
        if header.voxel is None:
            notes = ("the header states no unit of length",)
        elif not all(math.isfinite(step) and step > 0 for step in header.voxel[:2]):
            notes = (f"the header's voxel of {header.voxel[0]:g} by {header.voxel[1]:g} mm is none",)
        else:
            found = spacing or Spacing(header.voxel[1], header.voxel[0])
        return image_of_volume(values, path.name, spacing=found, given=spacing is not None, notes=notes)


def read_header(path: Path) -> Header:
    """Header of a ``.nii`` or ``.nii.gz`` file, NIfTI-1 or NIfTI-2.

    Raises:
        ImageReadError: No NIfTI in one file, of more than three dimensions, or too large.
    """
    with naming(str(path)), opened(path) as image:
        return header_of(path, image)


def read_volume(path: Path) -> npt.NDArray[Any]:
    """Values ``(slices, rows, columns)``, scaled as the header says: the stored axes in reverse, as SimpleITK gives them.

    Raises:
        ImageReadError: As `read_header`, or the values are cut short.
    """
    with naming(str(path)), opened(path) as image:
        return values_of(image, header_of(path, image))


def values_of(image: Any, header: Header) -> npt.NDArray[Any]:
    """Values of an opened volume, slices first."""
    values: npt.NDArray[Any] = np.asanyarray(image.dataobj).reshape(header.shape, order="F").T
    return values


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """The volume, its values still on the disk, as long as the file is open.

    Raises:
        ImageReadError: It is no NIfTI in one file, or its values start behind more extensions than any file has.
    """
    with path.open("rb") as file:
        packed = file.read(2) == GZIP
        file.seek(0)
        stream = cast(BinaryIO, gzip.GzipFile(fileobj=file)) if packed else file
        start = stream.read(HEAD)
        kind = kind_of(start)
        if kind is None:
            raise ImageReadError(f"{path}: is no NIfTI volume in one file")
        stated = kind.header_class(start[: kind.header_class.sizeof_hdr], check=False)
        if not 0 <= stated["vox_offset"] <= MAX_OFFSET:
            raise ImageReadError(f"{path}: values that start at byte {float(stated['vox_offset']):g}")
        stream.seek(0)
        image = kind.from_stream(stream)
        image.header["pixdim"] = stated["pixdim"]  # nibabel makes 1 of a size of 0
        yield image


def header_of(path: Path, image: Any) -> Header:
    """Shape and voxel size of an opened volume, refused where they are absurd."""
    sizes = tuple(int(size) for size in image.shape)
    if not 2 <= len(sizes) <= 7 or any(size != 1 for size in sizes[3:]) or min(sizes) < 1:
        raise ImageReadError(f"{path}: dimensions {sizes}; two or three are read")
    columns, rows, slices = (*sizes[:3], 1)[:3]
    refuse_size(str(path), rows, columns)
    if math.prod(sizes) > MAX_VOXELS:
        raise ImageReadError(f"{path}: {sizes} are more than the {MAX_VOXELS:,} voxels that are read")
    unit = MM_PER_UNIT.get(image.header.get_xyzt_units()[0])
    steps = [abs(float(step)) for step in image.header["pixdim"][1:4]]
    voxel = (steps[0] * unit, steps[1] * unit, steps[2] * unit) if unit else None
    return Header((columns, rows, slices), voxel)
