"""CUBS: far wall of the common carotid artery, its two boundaries and its thickness."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float

from umind.data.adapters.base import Adapter
from umind.data.adapters.files import SUFFIXES, find_by_stem, read_pixels
from umind.data.adapters.splits import Listed, Record
from umind.geometry.spacing import Spacing
from umind.io.limits import naming
from umind.schema.errors import ImageReadError
from umind.schema.image import UltrasoundImage
from umind.schema.sample import Sample, Structure

ANALYST = "Manual-A1"


class CUBS(Adapter):
    """The intima-media complex between the boundaries of the first analyst, its scale and its mean thickness.

    Layout: ``IMAGES/clin_0001_L.tiff``; ``CF/clin_0001_L_CF.txt``, millimetres per pixel; ``SEGMENTATIONS/Manual-A1`` and
    further analysts and programs, with ``clin_0001_L-LI.txt`` (lumen-intima) and ``clin_0001_L-MA.txt`` (media-adventitia):
    a row of x and a row of y in pixels, in some releases a line ``x y`` for each point. The technical set (``tech_001``)
    reads alike where its folders bear these names.
    Licence: CC BY 4.0 (Mendeley Data fpv535fss7).
    Faults: no thickness is published: it is computed from the boundaries by the polyline distance that the set's papers use.
    Images without both boundaries of the first analyst are left out. Whether the boundaries count pixels from 0 or 1 is not
    told; they are taken from 0, at the centres of pixels.
    """

    name: ClassVar[str] = "CUBS"
    organ: ClassVar[str] = "neck"
    licence: ClassVar[str] = "CC BY 4.0"
    may_ship: ClassVar[bool] = True
    citation: ClassVar[str] = (
        "Meiburger et al., Carotid ultrasound boundary study (CUBS): an open multicenter analysis of computerized intima-media "
        "thickness measurement systems and their clinical impact, Ultrasound Med Biol, 2021"
    )

    def listed(self) -> Iterable[Listed]:
        """Every image with both boundaries, by person: ``clin_0001_L`` and ``clin_0001_R`` are one's."""
        boundaries = {file.name for file in (self.root / "SEGMENTATIONS" / ANALYST).glob("*.txt")}
        for file in sorted((self.root / "IMAGES").glob("*")):
            if file.suffix.lower() in SUFFIXES and {f"{file.stem}-LI.txt", f"{file.stem}-MA.txt"} <= boundaries:
                yield Listed(f"IMAGES/{file.stem}", "_".join(file.stem.split("_")[:2]))

    def read(self, record: Record) -> Sample:
        """The image with its spacing, the complex, and "intima-media thickness" in millimetres."""
        pixels = read_pixels(find_by_stem(self.root / record.folder, record.stem))
        spacing = read_spacing(self.root / "CF" / f"{record.stem}_CF.txt")
        folder = self.root / "SEGMENTATIONS" / ANALYST
        intima, adventitia = (read_boundary(folder / f"{record.stem}-{name}.txt") for name in ("LI", "MA"))
        mask = between(intima, adventitia, (pixels.shape[0], pixels.shape[1]))
        if not mask.any():
            raise ImageReadError(f"{folder / record.stem}-LI.txt: nothing lies between it and its MA.txt")
        image = UltrasoundImage(pixels, spacing=spacing, calibration="sidecar", name=record.key)
        thickness = polyline_distance(intima, adventitia) * spacing.dx
        complex_ = Structure("intima-media complex", masks=mask[None])
        return self.sample(record, image, structures=(complex_,), measurements={"intima-media thickness": thickness})


def read_spacing(path: Path) -> Spacing:
    """Millimetres per pixel, the first number of the file.

    Raises:
        ImageReadError: The file is missing or holds no positive number.
    """
    with naming(str(path)):
        return Spacing.of(float(path.read_text(encoding="utf-8").split()[0]))


def read_boundary(path: Path) -> Float[np.ndarray, "n 2"]:
    """Points xy in pixels, from left to right.

    Raises:
        ImageReadError: The file is missing or holds no two points.
    """
    with naming(str(path)):
        lines = filter(str.strip, path.read_text(encoding="utf-8").splitlines())
        points = np.array([[float(number) for number in line.split()] for line in lines])
        points = points.T if len(points) == 2 else points
        if points.ndim != 2 or points.shape[1] != 2 or len(points) < 2 or not np.isfinite(points).all():
            raise ImageReadError(f"{path}: a row of x and a row of y are wanted, found {points.shape}")
        ordered: Float[np.ndarray, "n 2"] = points[np.argsort(points[:, 0], kind="stable")]
        return ordered


def between(
    upper: Float[np.ndarray, "n 2"], lower: Float[np.ndarray, "m 2"], shape: tuple[int, int]
) -> Bool[np.ndarray, "h w"]:
    """Pixels whose centres lie between two boundaries, in the columns that both of them cross."""
    ys, xs = np.mgrid[: shape[0], : shape[1]]
    covered = (xs >= max(upper[0, 0], lower[0, 0])) & (xs <= min(upper[-1, 0], lower[-1, 0]))
    top, bottom = (np.interp(np.arange(shape[1]), line[:, 0], line[:, 1]) for line in (upper, lower))
    mask: Bool[np.ndarray, "h w"] = covered & (ys >= top) & (ys <= bottom)
    return mask


def polyline_distance(first: Float[np.ndarray, "n 2"], second: Float[np.ndarray, "m 2"]) -> float:
    """Mean distance in pixels of each line's points from the other line, over the columns that both cross."""
    start, end = max(first[0, 0], second[0, 0]), min(first[-1, 0], second[-1, 0])
    common = [line[(line[:, 0] >= start) & (line[:, 0] <= end)] for line in (first, second)]
    distances = np.concatenate([to_polyline(common[0], second), to_polyline(common[1], first)])
    return float(distances.mean())


def to_polyline(points: Float[np.ndarray, "n 2"], line: Float[np.ndarray, "m 2"]) -> Float[np.ndarray, "n"]:
    """Distance of each point from the nearest segment of a polyline."""
    start, step = line[:-1], np.diff(line, axis=0)
    gaps = points[:, None] - start  # (N, M - 1, 2)
    along = np.clip((gaps * step).sum(-1) / np.maximum((step**2).sum(-1), np.finfo(np.float64).tiny), 0, 1)
    nearest: Float[np.ndarray, "n"] = np.linalg.norm(gaps - along[..., None] * step, axis=-1).min(axis=1)
    return nearest
