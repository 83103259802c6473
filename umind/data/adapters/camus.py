"""CAMUS: left heart in apical views at end-diastole and end-systole, with volumes and ejection fraction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from jaxtyping import UInt8

from umind.data.adapters.base import Adapter
from umind.data.adapters.splits import Listed, Record
from umind.geometry.spacing import Spacing
from umind.io.limits import naming
from umind.io.mhd import MetaImage, read_metaimage
from umind.io.nifti import read_header, read_volume
from umind.schema.errors import ImageReadError
from umind.schema.image import UltrasoundImage
from umind.schema.sample import Sample, Split, Structure

LABELS: Mapping[int, str] = {1: "left ventricle", 2: "myocardium", 3: "left atrium"}
VIEWS: Mapping[str, str] = {"2CH": "apical two-chamber", "4CH": "apical four-chamber"}
PHASES: Mapping[str, str] = {"ED": "end-diastole", "ES": "end-systole"}
VOLUMES: Mapping[str, tuple[str, str]] = {
    "ED": ("LVedv", "end-diastolic volume"),
    "ES": ("LVesv", "end-systolic volume"),
}
FRACTIONS = ("LVef", "EF")
SUFFIXES = (".mhd", ".nii.gz", ".nii")
PARTS: Mapping[str, Split] = {"training": "train", "validation": "val", "testing": "test"}


class CAMUS(Adapter):
    """Cavity, muscle and atrium of one frame, its scale, the volume of its phase and the ejection fraction.

    Layout: a folder for each patient, ``patient0001/patient0001_2CH_ED.mhd`` with ``.raw`` beside it, its labels
    ``patient0001_2CH_ED_gt.mhd`` (1 left ventricle, 2 myocardium, 3 left atrium) and ``Info_2CH.cfg``; views 2CH and 4CH,
    phases ED and ES. The later archive holds the same as ``.nii.gz`` below ``database_nifti``, and
    ``database_split/subgroup_training.txt``, ``_validation`` and ``_testing`` with a patient a line, which are the parts.
    Measurements: volumes in mL, ejection fraction in per cent; the later archive names only the latter. They come from both
    views by Simpson's biplane rule, so one frame does not show them whole.
    Licence: non-commercial, with citation; weights trained on it may not ship.
    Faults: pixels are not square. Sequences (``_half_sequence``) are not read.
    """

    name: ClassVar[str] = "CAMUS"
    organ: ClassVar[str] = "heart"
    licence: ClassVar[str] = "non-commercial, cite"
    may_ship: ClassVar[bool] = False
    citation: ClassVar[str] = (
        "Leclerc et al., Deep learning for segmentation using an open large-scale dataset in 2D echocardiography, "
        "IEEE TMI 38, 2019"
    )

    def listed(self) -> Iterable[Listed]:
        """Every labelled frame, by patient, with the part that ``database_split`` gives the patient."""
        parts = read_parts(self.root / "database_split")
        for labels in sorted(self.root.rglob("patient*_gt.*")):
            stem, suffix = labels.name.split("_gt", 1)
            patient, *view_and_phase = stem.split("_")
            if suffix in SUFFIXES and view_and_phase[0] in VIEWS and view_and_phase[1:] in ([phase] for phase in PHASES):
                key = (labels.parent / stem).relative_to(self.root).as_posix()
                yield Listed(key, patient, parts.get(patient))

    def read(self, record: Record) -> Sample:
        """The frame with its structures and what the patient's file says."""
        folder = self.root / record.folder
        _, view, phase = record.stem.split("_")
        frame = read_frame(folder, record.stem)
        if frame.spacing is None:
            raise ImageReadError(f"{folder / record.stem}: no spacing")
        labels = read_frame(folder, f"{record.stem}_gt").values
        if labels.shape != frame.values.shape:
            raise ImageReadError(f"{folder / record.stem}_gt: mask of {labels.shape} for an image of {frame.values.shape}")
        unknown = set(np.unique(labels).tolist()) - {0, *LABELS}
        if unknown or not labels.any():
            raise ImageReadError(f"{folder / record.stem}_gt: labels 1 to 3 are wanted, found {sorted(unknown) or 'none'}")
        pixels = eight_bit(frame.values, folder / record.stem)
        image = UltrasoundImage(pixels, spacing=frame.spacing, calibration="sidecar", name=record.key)
        path = folder / f"Info_{view}.cfg"
        said = read_info(path)
        structures = tuple(
            Structure(name, masks=(labels == label)[None]) for label, name in LABELS.items() if (labels == label).any()
        )
        attributes = {"view": VIEWS[view], "phase": PHASES[phase]}
        if "ImageQuality" in said:
            attributes["quality"] = said["ImageQuality"].lower()
        measurements = read_measurements(said, phase, path)
        return self.sample(record, image, structures=structures, attributes=attributes, measurements=measurements)


def read_parts(folder: Path) -> Mapping[str, Split]:
    """Part of every patient, from the lists in ``database_split``; empty where there is none."""
    parts: dict[str, Split] = {}
    for name, part in PARTS.items():
        path = folder / f"subgroup_{name}.txt"
        if path.is_file():
            parts |= dict.fromkeys(path.read_text(encoding="utf-8").split(), part)
    return parts


def read_info(path: Path) -> Mapping[str, str]:
    """Lines ``key: value`` of a view's file.

    Raises:
        ImageReadError: The file is missing or no text.
    """
    with naming(str(path)):
        lines = path.read_text(encoding="utf-8").splitlines()
    return {key.strip(): value.strip() for key, colon, value in (line.partition(":") for line in lines) if colon}


def read_measurements(said: Mapping[str, str], phase: str, path: Path) -> Mapping[str, float]:
    """Volume of the phase in mL and ejection fraction in per cent, as far as the view's file names them.

    Args:
        said: The file's lines.
        phase: ED or ES.
        path: The file.

    Raises:
        ImageReadError: A value is no number, or there is no ejection fraction.
    """
    key, name = VOLUMES[phase]
    fraction = next((said[known] for known in FRACTIONS if known in said), None)
    if fraction is None:
        raise ImageReadError(f"{path}: none of {', '.join(FRACTIONS)}")
    with naming(str(path)):
        volumes = {name: float(said[key])} if key in said else {}
        return volumes | {"ejection fraction": float(fraction)}


def read_frame(folder: Path, stem: str) -> MetaImage:
    """One plane ``(rows, columns)`` with its spacing, from whichever of the archive's formats is there.

    Raises:
        ImageReadError: There is no such file, or it is unreadable or no single plane.
    """
    path = next((folder / f"{stem}{suffix}" for suffix in SUFFIXES if (folder / f"{stem}{suffix}").is_file()), None)
    if path is None:
        raise ImageReadError(f"{folder / stem}: no file of this name with a suffix of {', '.join(SUFFIXES)}")
    frame = read_metaimage(path) if path.suffix == ".mhd" else read_nifti(path)
    values = frame.values[0] if frame.values.ndim == 3 and len(frame.values) == 1 else frame.values
    if values.ndim != 2:
        raise ImageReadError(f"{path}: one plane is wanted, found {frame.values.shape}")
    return MetaImage(values, frame.spacing)


def read_nifti(path: Path) -> MetaImage:
    """Values and spacing of a NIfTI; rows first, as in `read_metaimage`. CAMUS stores columns first, and nothing flipped.

    Raises:
        ImageReadError: The file is no such NIfTI, or not in millimetres.
    """
    voxel = read_header(path).voxel
    if voxel is None:
        raise ImageReadError(f"{path}: its header names no unit of length")
    return MetaImage(read_volume(path), Spacing(voxel[1], voxel[0]))


def eight_bit(values: npt.NDArray[Any], path: Path) -> UInt8[np.ndarray, "h w"]:
    """Grey levels as 8-bit numbers, whatever type the archive stores them as.

    Raises:
        ImageReadError: A level lies outside 0..255.
    """
    if not (values.min() >= 0 and values.max() <= 255):
        raise ImageReadError(f"{path}: levels lie in {values.min()}..{values.max()}; 0..255 is wanted")
    levels: UInt8[np.ndarray, "h w"] = np.rint(values).astype(np.uint8)
    return levels
