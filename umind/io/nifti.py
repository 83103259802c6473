"""NIfTI volumes: shape, voxel size in millimetres, and values. Axes are taken as stored; no axis is flipped."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import nibabel
import numpy as np
import numpy.typing as npt

from umind.io.limits import naming, refuse_size
from umind.schema.errors import ImageReadError

MAX_VOXELS = 2**30
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


def read_header(path: Path) -> Header:
    """Header of a ``.nii`` or ``.nii.gz`` file, NIfTI-1 or NIfTI-2.

    Raises:
        ImageReadError: No NIfTI in one file, of more than three dimensions, or too large.
    """
    with naming(str(path)):
        return header_of(path, opened(path))


def read_volume(path: Path) -> npt.NDArray[Any]:
    """Values ``(slices, rows, columns)``, scaled as the header says: the stored axes in reverse, as SimpleITK gives them.

    Raises:
        ImageReadError: As `read_header`, or the values are cut short.
    """
    with naming(str(path)):
        image = opened(path)
        shape = header_of(path, image).shape
        values: npt.NDArray[Any] = np.asanyarray(image.dataobj).reshape(shape, order="F").T
        return values


def opened(path: Path) -> Any:
    """The volume, its values still on the disk."""
    kind = next((k for k in (nibabel.Nifti1Image, nibabel.Nifti2Image) if k.path_maybe_image(path)[0]), None)
    if kind is None:
        raise ImageReadError(f"{path}: is no NIfTI volume in one file")
    return kind.from_filename(path)


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
